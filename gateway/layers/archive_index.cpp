#include "layers/archive_index.hpp"

#include "base/error.hpp"
#include "layers/bad_layer.hpp"
#include "layers/layer_reader.hpp"
#include "layers/pax.hpp"
#include "layers/tar_header.hpp"

#include <cstring>
#include <unistd.h>

namespace shifter::layers {
namespace {

/** Headers, one after the other; the bodies between them are jumped over. */
class Headers {
public:
    Headers(int fd, std::uint64_t size, const Limits & limits) : fd_{fd}, size_{size}, limits_{limits} {}

    struct Entry {
        char type = '0';
        std::string path;
        std::string link;
        ArchivedFile body;
    };

    std::optional<Entry> next() {
        PaxRecords pax = global_;
        std::optional<std::string> long_name;
        std::optional<std::string> long_link;
        for (;;) {
            const auto block = read_block();
            if (!block || is_zero(*block)) return std::nullopt;
            const TarHeader header = parse_tar_header(*block);
            const auto size = static_cast<std::uint64_t>(header.size);
            switch (header.type) {
            case 'x':
                parse_pax(read_body(size), pax);
                continue;
            case 'g':
                parse_pax(read_body(size), global_);
                pax = global_;
                continue;
            case 'L':
                long_name = read_body(size).c_str();
                continue;
            case 'K':
                long_link = read_body(size).c_str();
                continue;
            default:
                break;
            }
            Entry entry{header.type,
                        pax.path.value_or(long_name.value_or(header.name)),
                        pax.link.value_or(long_link.value_or(header.link)),
                        {}};
            const bool has_body = is_file(header.type);
            entry.body = {position_, has_body ? pax.size.value_or(size) : 0};
            skip(entry.body.size_bytes);
            return entry;
        }
    }

    static bool is_file(char type) { return type == '0' || type == '\0' || type == '7'; }

private:
    std::optional<TarBlock> read_block() {
        if (position_ == size_) return std::nullopt;
        TarBlock block;
        read(block);
        return block;
    }

    void read(TarBlock & block) {
        std::size_t done = 0;
        while (done < block.size()) {
            const ssize_t count =
                ::pread(fd_, block.data() + done, block.size() - done, static_cast<off_t>(position_ + done));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) throw SysError{errno, "cannot read the archive"};
            if (count == 0) throw BadLayer{"it ends too early"};
            done += static_cast<std::size_t>(count);
        }
        position_ += block.size();
    }

    std::string read_body(std::uint64_t size) {
        if (size > limits_.max_header_bytes)
            throw BadLayer{"an entry has extended headers of more than " + std::to_string(limits_.max_header_bytes) +
                           " bytes"};
        std::string body;
        TarBlock block;
        while (body.size() < size) {
            read(block);
            body.append(reinterpret_cast<const char *>(block.data()),
                        std::min<std::size_t>(block.size(), size - body.size()));
        }
        return body;
    }

    void skip(std::uint64_t size) {
        const std::uint64_t padded = size + (tar_block_bytes - size % tar_block_bytes) % tar_block_bytes;
        if (padded < size || padded > size_ - position_) throw BadLayer{"it ends too early"};
        position_ += padded;
    }

    int fd_;
    std::uint64_t size_;
    Limits limits_;
    std::uint64_t position_ = 0;
    PaxRecords global_;
};

/** The target of a symbolic link as a path in the archive; nothing when it leads out. */
std::optional<std::string> resolved(const std::string & from, const std::string & link) {
    if (link.empty() || link.front() == '/') return std::nullopt;
    std::vector<std::string> parts;
    const auto add = [&](std::string_view path) {
        while (!path.empty()) {
            const std::string_view part = path.substr(0, path.find('/'));
            path.remove_prefix(std::min(path.size(), part.size() + 1));
            if (part.empty() || part == ".") continue;
            if (part == "..") {
                if (parts.empty()) return false;
                parts.pop_back();
            } else {
                parts.emplace_back(part);
            }
        }
        return true;
    };
    const std::size_t slash = from.rfind('/');
    if (slash != std::string::npos && !add(from.substr(0, slash))) return std::nullopt;
    if (!add(link)) return std::nullopt;
    std::string path;
    for (const std::string & part : parts) (path += path.empty() ? "" : "/") += part;
    return path;
}

} // namespace

ArchiveIndex::ArchiveIndex(int fd, std::uint64_t size_bytes, const Limits & limits) {
    try {
        Headers headers{fd, size_bytes, limits};
        std::size_t count = 0;
        while (const auto entry = headers.next()) {
            if (++count > most_entries) throw BadLayer{"it has more than " + std::to_string(most_entries) + " entries"};
            const std::string path = normal_path(entry->path, limits);
            files_.erase(path);
            links_.erase(path);
            if (Headers::is_file(entry->type)) {
                files_[path] = entry->body;
            } else if (entry->type == '1') {
                links_[path] = normal_path(entry->link, limits);
            } else if (entry->type == '2') {
                if (const auto target = resolved(path, entry->link)) links_[path] = *target;
            }
        }
    } catch (const BadLayer & error) {
        throw Error{std::string{"the archive cannot be read: "} + error.what()};
    }
}

std::optional<ArchivedFile> ArchiveIndex::find(const std::string & path) const {
    std::string name = path;
    for (unsigned follows = 0; follows < 4; ++follows) {
        if (const auto file = files_.find(name); file != files_.end()) return file->second;
        const auto link = links_.find(name);
        if (link == links_.end()) return std::nullopt;
        name = link->second;
    }
    return std::nullopt;
}

} // namespace shifter::layers
