// load and import: an image without a registry, sent to the gateway in pieces.
#include "client/format.hpp"
#include "client/image_stream.hpp"
#include "client/modes.hpp"

#include <filesystem>
#include <ostream>

#include <nlohmann/json.hpp>

namespace shifter::client {
namespace {

using Json = nlohmann::ordered_json;

/** The image's name, when none was given: that of the file. */
std::string tag_of(const Command & command) {
    const auto & words = command.options.arguments;
    std::string tag = words.size() > 1 ? words[1] : "";
    if (tag.empty()) {
        if (words.front() == "-")
            throw UsageError{
                "an image from standard input needs a name: " + std::string{name_of(command.options.mode)} + " - TAG"};
        tag = std::filesystem::path{words.front()}.lexically_normal().filename().string();
        if (tag.empty())
            tag = std::filesystem::path{words.front()}.lexically_normal().parent_path().filename().string();
        for (const std::string_view end : {".tar", ".oci", ".squashfs", ".sqfs", ".sqsh"})
            if (tag.size() > end.size() && tag.substr(tag.size() - end.size()) == end)
                tag.resize(tag.size() - end.size());
    }
    return tag.rfind("custom:", 0) == 0 ? tag.substr(7) : tag;
}

/** What differs between the two. */
struct Way {
    const char * route;
    const char * format; ///< null: the gateway sees what it is
};

/** Each piece is a request; one whose answer was lost is sent again, and taken once. */
class Sender {
public:
    explicit Sender(const Command & command)
        : command_{command}, client_{command.site, command.around, command.options.platform} {
        const Json begun = Json::parse(client_.post_path("upload", "", ""), nullptr, false);
        if (!begun.is_object() || !begun.contains("upload") || !begun["upload"].is_string())
            throw Error{"the gateway's answer is not what a gateway says"};
        upload_ = begun["upload"].get<std::string>();
        piece_bytes_ = begun.value("piece_bytes", std::size_t{65536});
    }

    void send(ImageStream & stream) {
        for (;;) {
            const std::string piece = stream.read(piece_bytes_);
            if (piece.empty()) break;
            send_piece(piece);
            sent_ += piece.size();
        }
        if (sent_ == 0) throw Error{"there is nothing in it"};
    }

    /** The pull's record. */
    [[nodiscard]] std::string finish(const ImageRequest & image, const Way & way) {
        Json body = Json::object();
        if (const std::string readers = pull_body(command_.options.users, command_.options.groups); !readers.empty())
            body = Json::parse(readers);
        body["upload"] = upload_;
        body["bytes"] = sent_;
        if (way.format != nullptr) body["format"] = way.format;
        return client_.post(way.route, image, body.dump(), {});
    }

    [[nodiscard]] GatewayClient & client() { return client_; }

private:
    void send_piece(const std::string & piece) {
        constexpr unsigned most_tries = 5;
        for (unsigned attempt = 1;; ++attempt) {
            try {
                (void)client_.post_path("upload", "/" + upload_ + "/" + std::to_string(sent_), piece);
                return;
            } catch (const NoGateway & lost) {
                if (lost.answered() || attempt == most_tries) throw;
                command_.around.sleep(std::chrono::seconds{attempt});
            }
        }
    }

    const Command & command_;
    GatewayClient client_;
    std::string upload_;
    std::size_t piece_bytes_ = 0;
    std::uint64_t sent_ = 0;
};

std::uint64_t number_of(const std::string & record) {
    const Json json = Json::parse(record, nullptr, false);
    if (!json.is_object() || !json.contains("pull") || !json["pull"].is_number_unsigned())
        throw Error{"the gateway's answer is not what a gateway says"};
    return json["pull"].get<std::uint64_t>();
}

/** The name with which the gateway filed it. */
std::string filed_as(const std::string & record) {
    const Json json = Json::parse(record, nullptr, false);
    return json.is_object() ? json.value("pulltag", "") : "";
}

int bring(const Command & command, const Way & way) {
    const auto asked = ImageRequest::from_parts("custom", tag_of(command));
    if (!asked)
        throw UsageError{"cannot use " + shifter::quoted(tag_of(command)) + " as a name: " + asked.error().what};
    return within(
        "cannot " + std::string{name_of(command.options.mode)} + " " + shifter::quoted(command.options.argument), [&] {
            ImageStream stream{command.options.argument};
            Sender sender{command};
            sender.send(stream);
            std::string record = sender.finish(*asked, way);
            show_message(command, record);
            const std::string number = std::to_string(number_of(record));
            const std::string name = "custom:" + filed_as(record);
            ImageInfo info = parse_image_info(record);
            std::string shown;
            const auto show = [&] {
                if (info.status == shown || command.options.json) return;
                shown = info.status;
                command.around.io.out << status_line(command.around.now(), name, info.status) << '\n' << std::flush;
            };
            while (is_under_way(info.status)) {
                command.around.sleep(std::chrono::milliseconds{200});
                info = parse_image_info(sender.client().get_path("progress", "/" + number));
                show();
            }
            if (info.status != "READY")
                throw Error{info.status_message.empty() ? "the gateway says " + info.status : info.status_message};
            return 0;
        });
}

} // namespace

int load(const Command & command) { return bring(command, {"load", nullptr}); }

int import(const Command & command) {
    std::error_code error;
    if (std::filesystem::is_directory(command.options.argument, error))
        throw UsageError{shifter::quoted(command.options.argument) +
                         " is a folder, and import takes a squashfs file: mksquashfs " + command.options.argument +
                         " FILE; folders with an OCI layout are for load"};
    return bring(command, {"doimport", "squashfs"});
}

} // namespace shifter::client
