// shifter-squashfs-reader: started by the gateway for a squashfs file that a user has sent. The file is on descriptor 0,
// the tar stream goes to 1, and one sentence, if it fails, to 2.
#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "squash/sandbox.hpp"
#include "squash/squashfs_reader.hpp"

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace shifter;

/** The limits, in the order in which pull/squashfs_file.cpp writes them. */
std::array<std::uint64_t, 6> read_numbers(char ** words) {
    std::array<std::uint64_t, 6> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto number = text::parse_unsigned<std::uint64_t>(words[i]);
        if (!number) throw Error{quoted(words[i]) + " is no number"};
        numbers.at(i) = *number;
    }
    return numbers;
}

/** One write for many small pieces: most of a tar stream of small files is headers. */
class Output {
public:
    Output() { buffer_.reserve(full_bytes); }
    void add(std::span<const std::byte> bytes) {
        if (buffer_.size() + bytes.size() > full_bytes) flush();
        if (bytes.size() >= full_bytes) return write(bytes);
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    }
    void flush() {
        write(buffer_);
        buffer_.clear();
    }

private:
    static void write(std::span<const std::byte> bytes) {
        io::write_all(STDOUT_FILENO, {reinterpret_cast<const char *>(bytes.data()), bytes.size()}, "the tar stream");
    }
    static constexpr std::size_t full_bytes = 256U << 10U;
    std::vector<std::byte> buffer_;
};

int run(char ** words) {
    const auto numbers = read_numbers(words);
    layers::Limits limits;
    limits.max_entries = numbers[1];
    limits.max_layer_unpacked_bytes = numbers[2];
    limits.max_path_bytes = static_cast<std::uint32_t>(numbers[3]);
    limits.max_depth = static_cast<std::uint32_t>(numbers[4]);
    Output output;
    squash::enter_sandbox(numbers[5]);
    squash::squashfs_to_tar(STDIN_FILENO, numbers[0], limits, [&](auto bytes) { output.add(bytes); });
    output.flush();
    return static_cast<int>(ExitStatus::success);
}

} // namespace

int main(int argc, char ** argv) {
    const std::string_view option = argc > 1 ? argv[1] : "";
    if (option == "--version") return std::printf("shifter-squashfs-reader %s\n", installed::version) < 0 ? 1 : 0;
    if (argc != 7) {
        const bool help = option == "--help";
        (void)std::fputs("shifter-squashfs-reader reads a squashfs file for shifter-gateway(8), which starts it; it is "
                         "not started by hand\n",
                         help ? stdout : stderr);
        return help ? 0 : 1;
    }
    std::string sentence;
    try {
        return run(argv + 1);
    } catch (const std::bad_alloc &) {
        sentence = "reading the squashfs file takes more memory than ImportMemory in the gateway's configuration";
    } catch (const std::exception & error) {
        sentence = error.what();
    }
    (void)!::write(STDERR_FILENO, sentence.data(), sentence.size());
    return static_cast<int>(ExitStatus::failed);
}
