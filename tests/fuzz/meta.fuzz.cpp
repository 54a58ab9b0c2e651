// A record that is read can be written, and reads the same again; what cannot be written says so (I18, H2-7).
#include "site/image_record.hpp"

#include <cstdint>
#include <cstdlib>

using namespace shifter;

namespace {

/** The working directory and the platform have no escaped form; the reader takes more than can be written. */
bool is_plain(const std::string & value) {
    return value.find('\r') == std::string::npos && (value.empty() || value.back() != '\\');
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    const auto record = parse_image_record(text);
    if (!record) return record.error().offset > size || record.error().what.empty() ? (std::abort(), 0) : 0;
    // No access list in the text may get lost on the way.
    if (record->acl.is_public() && text.find("\nUSERACL:") != std::string_view::npos) std::abort();
    if (record->acl.is_public() && text.find("\nGROUPACL:") != std::string_view::npos) std::abort();
    const auto written = format_image_record(*record);
    if (!written) {
        if (is_plain(record->workdir.value_or("")) && is_plain(record->platform)) std::abort();
        return 0;
    }
    if (parse_image_record(*written) != record) std::abort();
    // Deployed runtimes join a line that ends in a backslash with the next one.
    if (written->find("\\\n") != std::string::npos || written->find('\r') != std::string::npos) std::abort();
    return 0;
}
