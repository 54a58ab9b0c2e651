#include "slurm-plugin/ssh_keys.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "slurm-plugin/child.hpp"
#include "slurm-plugin/counted_strings.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::slurm_plugin {
namespace {

constexpr std::chrono::seconds patience{30}; // as for shifterimg; it takes milliseconds
constexpr std::array key_names = {"user", "host"};

/** A folder of ours in memory, gone with its files when this goes. */
class KeyFolder {
public:
    KeyFolder() : path_{"/dev/shm/shifter-keys-XXXXXX"} {
        if (::mkdtemp(path_.data()) == nullptr) throw SysError{errno, "cannot make a directory in /dev/shm"};
    }
    KeyFolder(const KeyFolder &) = delete;
    KeyFolder & operator=(const KeyFolder &) = delete;
    ~KeyFolder() {
        for (const char * const name : key_names)
            for (const char * const ending : {"", ".pub"}) (void)::unlink((path(name) + ending).c_str());
        (void)::rmdir(path_.c_str());
    }
    [[nodiscard]] std::string path(const char * name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

std::string content_of(const std::string & path) {
    constexpr std::size_t max_key = 4096;
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) throw SysError{errno, "cannot open " + path};
    return io::read_all(file.get(), max_key, path);
}

std::string checked_output(const std::string & program, const ChildResult & done) {
    if (done.wait_status == 0) return done.out;
    const auto lines = lines_of(done.err, "");
    throw Error{program + (lines.empty() ? " ended with " + describe_end(done.wait_status) : ": " + lines.front())};
}

} // namespace

SshKeys make_ssh_keys() {
    const KeyFolder folder;
    std::vector<std::string> strings;
    for (const char * const name : key_names) {
        const std::string path = folder.path(name);
        (void)checked_output("ssh-keygen", run_child({SHIFTER_SSH_KEYGEN, "-q", "-t", "ed25519", "-N", "", "-C",
                                                      "shifter job", "-f", path},
                                                     patience));
        strings.push_back(content_of(path));
        strings.emplace_back(text::trim(content_of(path + ".pub")));
    }
    const std::string credential =
        checked_output("munge", run_child({SHIFTER_MUNGE, "--restrict-uid=0"}, patience, {}, encode_strings(strings)));
    return {std::string{text::trim(credential)}, strings[1]};
}

std::string checked_payload(std::string_view answer, uid_t uid) {
    const std::size_t line_end = answer.find('\n');
    std::string_view line = answer.substr(0, line_end);
    if (line_end == std::string_view::npos || line.substr(0, 4) != "UID:" || answer.substr(line_end, 2) != "\n\n")
        throw Error{"unmunge does not answer as it should"};
    // A name can hold anything, and a number in parentheses follows it.
    if (!line.empty() && line.back() == ')') {
        line.remove_suffix(1);
        line.remove_prefix(std::min(line.rfind('(') + 1, line.size()));
    } else {
        line = text::trim(line.substr(4));
    }
    const auto maker = text::parse_unsigned<uid_t>(line);
    if (!maker || *maker != uid) throw Error{"the keys of this job were made by somebody else than its user"};
    return std::string{answer.substr(line_end + 2)};
}

std::string open_ssh_keys(const std::string & credential, uid_t uid) {
    // munge.h: opened well, but expired, from the future, or opened before (here, for an earlier run of the job).
    constexpr std::array accepted = {0, 15, 16, 17};
    const ChildResult done = run_child({SHIFTER_UNMUNGE, "--keys=UID"}, patience, {}, credential);
    bool opened = false;
    for (const int status : accepted)
        opened = opened || (WIFEXITED(done.wait_status) && WEXITSTATUS(done.wait_status) == status);
    if (!opened) (void)checked_output("unmunge", done);
    return checked_payload(done.out, uid);
}

} // namespace shifter::slurm_plugin
