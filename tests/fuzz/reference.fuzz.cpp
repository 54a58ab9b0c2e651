// ImageReference, ImageRequest, Digest: what is accepted is written as text that is read as the same value (I16).
#include "base/digest.hpp"
#include "base/image_reference.hpp"
#include "base/image_request.hpp"
#include "base/text.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace shifter;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

/** Nothing that could be another path, header or line once it is part of a URL. */
bool is_url_safe(std::string_view text) {
    for (const char c : text)
        if (c <= ' ' || c >= 0x7f || std::string_view{"%?#\\\"<>"}.find(c) != std::string_view::npos) return false;
    for (const std::string_view part : text::split(text, '/'))
        if (part.empty() || part == "." || part == "..") return false;
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char *>(data), size};

    const auto is_location = [](std::string_view name) { return name == "local"; };
    for (const bool with_location : {false, true}) {
        const auto known = with_location ? ImageReference::IsLocation{is_location} : ImageReference::IsLocation{};
        const auto reference = ImageReference::parse(text, "docker.io", known);
        if (!reference) {
            require(!reference.error().what.empty() && reference.error().offset <= text.size());
            continue;
        }
        require(ImageReference::parse(reference->to_string(), "docker.io", known) == reference);
        require(is_url_safe(reference->repository) && is_url_safe(reference->selector()));
        require(!reference->repository.empty() && !reference->selector().empty() && !reference->registry.empty());
    }

    for (const auto type :
         {std::optional<ImageType>{}, std::optional{ImageType::docker}, std::optional{ImageType::local}}) {
        const auto request = ImageRequest::parse(text, type);
        if (!request) continue;
        require(ImageRequest::parse(request->to_string(), type) == request);
        require(ImageRequest::from_parts(to_string(request->type), request->tag) == request);
    }

    const auto digest = Digest::parse(text);
    if (digest) require(digest->to_string() == text);
    return 0;
}
