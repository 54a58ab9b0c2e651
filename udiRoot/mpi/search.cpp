#include "mpi/search.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::mpi {
namespace {

class MappedFile {
public:
    explicit MappedFile(const std::string & path) {
        const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
        struct stat status {};
        if (!file || ::fstat(file.get(), &status) != 0) throw SysError{errno, "cannot read " + quoted(path)};
        if (!S_ISREG(status.st_mode)) throw Error{quoted(path) + " is no file"};
        size_ = static_cast<std::size_t>(status.st_size);
        if (size_ == 0 || size_ > max_elf_file) throw Error{quoted(path) + " is empty, or larger than 1 GiB"};
        data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
        if (data_ == MAP_FAILED) throw SysError{errno, "cannot read " + quoted(path)};
    }
    MappedFile(const MappedFile &) = delete;
    MappedFile & operator=(const MappedFile &) = delete;
    ~MappedFile() { ::munmap(data_, size_); }
    [[nodiscard]] std::string_view bytes() const { return {static_cast<const char *>(data_), size_}; }

private:
    void * data_ = nullptr;
    std::size_t size_ = 0;
};

void add_configured(const std::string & path, int depth, std::vector<std::string> & directories) {
    constexpr int max_depth = 4;
    constexpr std::size_t max_bytes = 64U << 10U;
    constexpr std::size_t max_directories = 256;
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || depth > max_depth) return;
    if (status.st_size > static_cast<off_t>(max_bytes)) return;
    const std::string content = io::read_all(file.get(), max_bytes, path);
    for (const std::string_view line : text::split(content, '\n')) {
        const std::string_view words = text::trim(line.substr(0, line.find('#')));
        if (words.substr(0, 8) == "include ") {
            glob_t found{};
            const std::string pattern{text::trim(words.substr(8))};
            // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
            if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
                for (std::size_t i = 0; i < found.gl_pathc && i < max_directories; ++i)
                    add_configured(found.gl_pathv[i], depth + 1, directories);
            ::globfree(&found);
        } else if (!words.empty() && words.front() == '/' && directories.size() < max_directories) {
            directories.emplace_back(words);
        }
    }
}

} // namespace

Library read_library(const std::string & path) {
    const MappedFile file{path};
    return {path, read_elf(file.bytes(), is_mpi_symbol).value_or_throw("cannot use " + quoted(path))};
}

std::vector<std::string> library_directories(const char * variable, const std::string & config) {
    std::vector<std::string> directories;
    if (variable != nullptr)
        for (const std::string_view folder : text::split(variable, ':'))
            if (!folder.empty()) directories.emplace_back(folder);
    add_configured(config, 0, directories);
    for (const char * const folder : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu",
                                      "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"})
        directories.emplace_back(folder);
    return directories;
}

std::optional<Library> find_library(const std::string & soname, const std::vector<std::string> & directories) {
    for (const std::string & folder : directories) {
        try {
            return read_library(folder + "/" + soname);
        } catch (const Error &) { // a loader goes on, too
            continue;
        }
    }
    return std::nullopt;
}

std::optional<std::string> find_command(const std::string & command, const char * path) {
    if (command.find('/') != std::string::npos) return command;
    for (const std::string_view folder : text::split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
        std::string file = (folder.empty() ? std::string{"."} : std::string{folder}) + "/" + command;
        if (::access(file.c_str(), X_OK) == 0) return file;
    }
    return std::nullopt;
}

} // namespace shifter::mpi
