#include "api/http_reply.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

#include <exception>
#include <functional>
#include <memory>

namespace shifter::api {
namespace {

/** A body on its way that is made while it is sent. */
struct Parts {
    std::string text;
    std::function<std::string()> more;
    std::string request_id;
    std::size_t sent = 0; ///< of text
};

ssize_t next_part(void * context, std::uint64_t /*position*/, char * buffer, std::size_t most) noexcept {
    auto & parts = *static_cast<Parts *>(context);
    try {
        if (parts.sent == parts.text.size()) {
            parts.text = parts.more();
            parts.sent = 0;
        }
        if (parts.text.empty()) return MHD_CONTENT_READER_END_OF_STREAM;
        const std::size_t size = parts.text.copy(buffer, most, parts.sent);
        parts.sent += size;
        return static_cast<ssize_t>(size);
    } catch (const std::exception & error) {
        log::error("request=" + parts.request_id + " event=cut reason=" + quoted(log::one_line(error.what())));
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
}

MHD_Response * whole_reply(std::string && text) {
    auto body = std::make_unique<std::string>(std::move(text));
    MHD_Response * reply = MHD_create_response_from_buffer_with_free_callback_cls(
        body->size(), body->data(), [](void * of) { delete static_cast<std::string *>(of); }, body.get());
    if (reply != nullptr) (void)body.release();
    return reply;
}

MHD_Response * reply_in_parts(std::string && first, std::function<std::string()> && more,
                              const std::string & request_id) {
    constexpr std::size_t block_bytes = std::size_t{64} << 10U;
    auto parts = std::make_unique<Parts>(Parts{std::move(first), std::move(more), request_id});
    MHD_Response * reply = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block_bytes, &next_part, parts.get(),
                                                             [](void * of) { delete static_cast<Parts *>(of); });
    if (reply != nullptr) (void)parts.release();
    return reply;
}

} // namespace

MHD_Result send_reply(MHD_Connection * connection, Response response, const std::string & request_id) {
    MHD_Response * reply = response.more
                               ? reply_in_parts(std::move(response.body), std::move(response.more), request_id)
                               : whole_reply(std::move(response.body));
    if (reply == nullptr) return MHD_NO;
    (void)MHD_add_response_header(reply, "Content-Type", response.content_type);
    (void)MHD_add_response_header(reply, "X-Request-Id", request_id.c_str());
    for (const auto & [name, value] : response.headers)
        (void)MHD_add_response_header(reply, name.c_str(), value.c_str());
    const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(response.status), reply);
    MHD_destroy_response(reply);
    return queued;
}

} // namespace shifter::api
