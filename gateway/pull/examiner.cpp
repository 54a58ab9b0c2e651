#include "pull/examiner.hpp"

#include "base/log.hpp"
#include "pull/child_process.hpp"
#include "pull/squashfs_file.hpp"
#include "pull/unpacked_tree.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace shifter::pull {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kept_bytes = 4096; // of the end of what it writes
constexpr std::size_t most_line_bytes = 500;
constexpr std::size_t pipe_bytes = 64U << 10U; // what can still be in the pipe when it has ended
constexpr std::chrono::milliseconds look_interval{200};
constexpr std::chrono::milliseconds closed_interval{10};

/** The catalog and the API take UTF-8 alone, and a line that is cut may be none. */
std::string plain(std::string text) {
    for (char & c : text)
        if ((static_cast<unsigned char>(c) & 0x80U) != 0) c = '?';
    return text;
}

/** The last line that says something. */
std::string last_line(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    const std::size_t begin = text.rfind('\n');
    const std::string line = begin == std::string::npos ? text : text.substr(begin + 1);
    return log::one_line(plain(line)).substr(0, most_line_bytes);
}

/** The end of what a program writes. */
class OutputEnd {
public:
    explicit OutputEnd(int fd) : fd_{fd} {}

    /** Waits so long for a piece. @return its size: 0 when none came, or none will come any more */
    std::size_t read(std::chrono::milliseconds longest) {
        struct pollfd ready {
            fd_, POLLIN, 0
        };
        if (::poll(&ready, 1, static_cast<int>(longest.count())) <= 0) return 0;
        std::array<char, 4096> piece{};
        const ssize_t count = ::read(fd_, piece.data(), piece.size());
        if (count <= 0) {
            std::this_thread::sleep_for(std::min(longest, closed_interval)); // it has closed its output, and goes on
            return 0;
        }
        text_.append(piece.data(), static_cast<std::size_t>(count));
        if (text_.size() > 2 * kept_bytes) text_.erase(0, text_.size() - kept_bytes);
        return static_cast<std::size_t>(count);
    }
    [[nodiscard]] std::string last_line() const { return pull::last_line(text_); }

private:
    int fd_;
    std::string text_;
};

/** @throws std::runtime_error  at the deadline, or at a stop */
void wait_for_end(ChildProcess & program, OutputEnd & output, std::chrono::seconds patience,
                  const std::stop_token & stop) {
    const auto deadline = Clock::now() + patience;
    // Not until the end of its output: a process that it left behind may hold that open.
    while (!program.has_ended()) {
        if (stop.stop_requested()) throw std::runtime_error{"the examination was stopped"};
        if (Clock::now() >= deadline)
            throw std::runtime_error{"the site's examiner did not come to an end within " +
                                     std::to_string(patience.count()) +
                                     " seconds (ExaminerTimeout in the gateway's configuration)"};
        (void)output.read(look_interval);
    }
    for (std::size_t count = 0, sum = 0; sum < pipe_bytes; sum += count)
        if ((count = output.read(std::chrono::milliseconds{0})) == 0) break;
}

} // namespace

std::string examine(const GatewaySettings & settings, int image_fd, std::uint64_t size_bytes, const ImageId & id,
                    const Examined & facts, const std::stop_token & stop) {
    auto file = std::make_shared<SharedFile>();
    // Opened anew, for reading alone: the file may still be the one that is written to.
    file->fd.reset(::open(("/proc/self/fd/" + std::to_string(image_fd)).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file->fd) throw SysError{errno, "cannot read the image for its examination"};
    file->size_bytes = size_bytes;
    const auto tar = open_squashfs_tar(settings, file, {}, stop);
    std::optional<UnpackedTree> tree;
    try {
        tree.emplace(settings.cache_directory, *tar, settings.unpack_limits, settings.examiner_space_bytes);
    } catch (const TooBig &) {
        throw Refused{"the image cannot be examined: its files have more than " +
                      std::to_string(settings.examiner_space_bytes) +
                      " bytes (ExaminerSpace in the gateway's configuration)"};
    }

    const UniqueFd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    if (!nothing) throw SysError{errno, "cannot open /dev/null"};
    Pipe pipe;
    ChildProcess program{{settings.examiner, tree->path(), id.to_string()},
                         {"PATH=/usr/local/bin:/usr/bin:/bin", "SHIFTER_SYSTEM=" + facts.system,
                          "SHIFTER_IMAGE=" + facts.reference, "SHIFTER_DIGEST=" + facts.digest,
                          "SHIFTER_USER=" + facts.requester, "SHIFTER_UID=" + std::to_string(facts.requester_uid)},
                         {nothing.get(), pipe.write.get(), pipe.write.get()}};
    pipe.write.reset();
    OutputEnd output{pipe.read.get()};
    wait_for_end(program, output, settings.examiner_timeout, stop);
    const int status = program.wait();
    if (WIFSIGNALED(status)) // no verdict: the next pull asks again
        throw std::runtime_error{"the site's examiner has not come to a verdict: " + describe_end(status)};
    const std::string line = output.last_line();
    if (status != 0)
        throw Refused{"the site's examiner refuses the image: " + (line.empty() ? describe_end(status) : line)};
    return line.empty() ? "passed" : line;
}

} // namespace shifter::pull
