#include "api/static_files.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/unique_fd.hpp"

#include <array>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

namespace shifter::api {
namespace {

constexpr std::size_t most_bytes = 1U << 20U;

struct FileType {
    std::string_view suffix;
    const char * type;
};
constexpr std::array file_types = {
    FileType{".html", "text/html; charset=utf-8"},
    FileType{".css", "text/css; charset=utf-8"},
    FileType{".js", "text/javascript; charset=utf-8"},
    FileType{".svg", "image/svg+xml"},
    FileType{".png", "image/png"},
};

const char * type_of(const std::string & name) noexcept {
    for (const FileType & each : file_types)
        if (name.size() > each.suffix.size() &&
            std::string_view{name}.substr(name.size() - each.suffix.size()) == each.suffix)
            return each.type;
    return nullptr;
}

/** Only files of this gateway, no script in the page's text, no frame around it. */
const std::vector<std::pair<std::string, std::string>> & page_headers() {
    static const std::vector<std::pair<std::string, std::string>> headers = {
        {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                                    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cache-Control", "no-cache"},
    };
    return headers;
}

} // namespace

StaticFiles::StaticFiles(const std::string & directory) {
    std::error_code absent;
    for (std::filesystem::directory_iterator each{directory, absent}, end; !absent && each != end;
         each.increment(absent)) {
        const std::string name = each->path().filename().string();
        const char * type = type_of(name);
        if (type == nullptr) continue;
        const UniqueFd fd{::open(each->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
        if (!fd) throw SysError{errno, "cannot open " + shifter::quoted(each->path().string())};
        struct stat facts {};
        if (::fstat(fd.get(), &facts) != 0)
            throw SysError{errno, "cannot look at " + shifter::quoted(each->path().string())};
        if (!S_ISREG(facts.st_mode)) continue;
        files_.emplace(name,
                       Response{.status = 200,
                                .body = io::read_all(fd.get(), most_bytes, shifter::quoted(each->path().string())),
                                .content_type = type,
                                .headers = page_headers()});
    }
}

const Response * StaticFiles::find(std::string_view name) const noexcept {
    const auto found = files_.find(name);
    return found == files_.end() ? nullptr : &found->second;
}

} // namespace shifter::api
