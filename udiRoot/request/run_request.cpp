#include "request/run_request.hpp"

#include "base/image_request.hpp"

#include <cstdint>
#include <utility>

namespace shifter {
namespace {

// Layout: "SHRQ", version, total length, then the members in the order of the struct. Numbers are 32-bit,
// little-endian; a string is its length and its bytes; a list is its count and its strings; an optional or a bool is
// one byte, 0 or 1.
constexpr std::string_view magic = "SHRQ";
constexpr std::uint32_t version = 2;
constexpr std::size_t header_bytes = 12;
constexpr std::size_t length_offset = 8;

class Writer {
public:
    Writer() : bytes_{magic} {
        number(version);
        number(0);
    }

    void number(std::uint32_t value) {
        for (unsigned shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>((value >> shift) & 0xffU);
    }
    void flag(bool value) { bytes_ += value ? '\1' : '\0'; }
    void text(const std::string & value) {
        if (value.size() > max_request_bytes) throw Error{"the request is larger than 4 MiB"};
        number(static_cast<std::uint32_t>(value.size()));
        bytes_ += value;
    }
    void list(const std::vector<std::string> & values) {
        if (values.size() > max_request_list) throw Error{"the request has more than 262144 words in one list"};
        number(static_cast<std::uint32_t>(values.size()));
        for (const std::string & value : values) text(value);
    }
    void optional(const std::optional<std::string> & value) {
        flag(value.has_value());
        if (value) text(*value);
    }
    void choice(const OptionalChoice & value) {
        flag(value.given);
        optional(value.value);
    }
    [[nodiscard]] std::string take() {
        if (bytes_.size() > max_request_bytes) throw Error{"the request is larger than 4 MiB"};
        for (unsigned byte = 0; byte < 4; ++byte)
            bytes_[length_offset + byte] = static_cast<char>((bytes_.size() >> (8 * byte)) & 0xffU);
        return std::move(bytes_);
    }

private:
    std::string bytes_;
};

/** Reads what Writer wrote. After the first refusal every result is empty, and `refusal` says what was wrong. */
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_{bytes}, size_{bytes.size()} {}

    std::uint32_t number() {
        if (rest_.size() < 4) return refuse("the request ends early"), 0;
        std::uint32_t value = 0;
        for (unsigned byte = 0; byte < 4; ++byte)
            value |= static_cast<std::uint32_t>(static_cast<unsigned char>(rest_[byte])) << (8 * byte);
        rest_.remove_prefix(4);
        return value;
    }
    bool flag() {
        if (rest_.empty()) return refuse("the request ends early"), false;
        const char value = rest_.front();
        if (value != '\0' && value != '\1') return refuse("a flag is neither 0 nor 1"), false;
        rest_.remove_prefix(1);
        return value == '\1';
    }
    std::string text() {
        const std::uint32_t length = number();
        if (length > rest_.size()) return refuse("a string is longer than the request"), std::string{};
        const std::string_view value = rest_.substr(0, length);
        if (value.find('\0') != std::string_view::npos) return refuse("a string holds a NUL"), std::string{};
        rest_.remove_prefix(length);
        return std::string{value};
    }
    std::vector<std::string> list() {
        const std::uint32_t count = number();
        // Each entry takes four bytes at least, so a small message cannot ask for a large allocation.
        if (count > max_request_list || count > rest_.size() / 4)
            return refuse("a list is longer than the request"), std::vector<std::string>{};
        std::vector<std::string> values;
        values.reserve(count);
        for (std::uint32_t i = 0; i < count && !refusal_; ++i) values.push_back(text());
        return values;
    }
    std::optional<std::string> optional() { return flag() ? std::optional{text()} : std::nullopt; }
    OptionalChoice choice() {
        OptionalChoice result;
        result.given = flag();
        result.value = optional();
        if (result.value && !result.given) refuse("an option that was not given has a value");
        return result;
    }
    void refuse(std::string what) {
        if (!refusal_) refusal_ = ParseError{size_ - rest_.size(), std::move(what)};
        rest_ = {};
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] const std::optional<ParseError> & refusal() const { return refusal_; }

private:
    std::string_view rest_;
    std::size_t size_;
    std::optional<ParseError> refusal_;
};

void write_image(Writer & out, const RequestedImage & image) {
    const auto * const local = std::get_if<LocalImage>(&image);
    out.flag(local != nullptr);
    out.text(local != nullptr ? local->path : std::get<ImageId>(image).to_string());
}

Expected<RequestedImage> read_image(Reader & in) {
    const bool local = in.flag();
    std::string text = in.text();
    if (in.refusal()) return *in.refusal();
    if (!local) {
        auto id = ImageId::parse(text);
        if (!id) return id.error();
        return RequestedImage{*std::move(id)};
    }
    if (text.empty() || text.front() != '/')
        return ParseError{header_bytes, "the directory of a local image is not absolute"};
    // The path stands in the state file later (contract 1.8), so it keeps the characters that an image may have.
    if (const auto checked = ImageRequest::from_parts("local", text); !checked) return checked.error();
    return RequestedImage{LocalImage{std::move(text)}};
}

} // namespace

std::string encode(const RunRequest & request) {
    Writer out;
    write_image(out, request.image);
    out.text(request.image_request);
    out.text(request.volumes);
    out.optional(request.modules);
    out.list(request.command);
    out.choice(request.entrypoint);
    out.choice(request.workdir);
    out.choice(request.writable);
    out.text(request.current_directory);
    out.list(request.environment);
    out.optional(request.environment_file);
    out.flag(request.clear_environment);
    out.flag(request.verbose);
    out.flag(request.dry_run);
    out.flag(request.timing);
    return out.take();
}

Expected<RunRequest> decode(std::string_view bytes) {
    if (bytes.size() < header_bytes || bytes.substr(0, magic.size()) != magic)
        return ParseError{0, "this is not a request"};
    if (bytes.size() > max_request_bytes) return ParseError{max_request_bytes, "the request is larger than 4 MiB"};
    Reader in{bytes.substr(magic.size())};
    if (in.number() != version) return ParseError{magic.size(), "the request is of another version"};
    if (in.number() != bytes.size()) return ParseError{length_offset, "the request has another length than it says"};
    auto image = read_image(in);
    if (!image) return image.error();
    RunRequest request{.image = *std::move(image)};
    request.image_request = in.text();
    request.volumes = in.text();
    request.modules = in.optional();
    request.command = in.list();
    request.entrypoint = in.choice();
    request.workdir = in.choice();
    request.writable = in.choice();
    request.current_directory = in.text();
    request.environment = in.list();
    request.environment_file = in.optional();
    request.clear_environment = in.flag();
    request.verbose = in.flag();
    request.dry_run = in.flag();
    request.timing = in.flag();
    if (in.refusal()) return *in.refusal();
    if (!in.at_end()) return ParseError{bytes.size(), "the request goes on after its end"};
    return request;
}

} // namespace shifter
