#include "client/terminal.hpp"

#include "base/io.hpp"
#include "base/unique_fd.hpp"

#include <array>
#include <csignal>
#include <istream>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace shifter::client {
namespace {

volatile std::sig_atomic_t caught = 0;
volatile std::sig_atomic_t interrupted = 0;

/** Silences a terminal. A signal that would end the program ends the read first, so that the echo comes back before. */
class HiddenInput {
public:
    explicit HiddenInput(int terminal) : terminal_{terminal} {
        if (::tcgetattr(terminal, &before_) != 0) return;
        caught = 0;
        struct sigaction action {};
        action.sa_handler = [](int number) { caught = number; };
        for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers.at(i), &action, &actions_.at(i));
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        active_ = ::tcsetattr(terminal, TCSAFLUSH, &silent) == 0;
    }
    ~HiddenInput() {
        if (!active_) return;
        ::tcsetattr(terminal_, TCSAFLUSH, &before_);
        (void)!::write(STDERR_FILENO, "\n", 1);
        for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers.at(i), &actions_.at(i), nullptr);
        if (caught != 0) (void)std::raise(caught);
    }
    HiddenInput(const HiddenInput &) = delete;
    HiddenInput & operator=(const HiddenInput &) = delete;

private:
    static constexpr std::array<int, 4> numbers = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    int terminal_;
    bool active_ = false;
    termios before_{};
    std::array<struct sigaction, 4> actions_{};
};

std::string read_line(int fd) {
    std::string line;
    char c = 0;
    while (line.size() < 4096 && ::read(fd, &c, 1) == 1 && c != '\n') line += c;
    return line;
}

} // namespace

std::string ask_person(const std::string & prompt, bool secret, std::istream & in) {
    io::write_all(STDERR_FILENO, prompt, "standard error");
    const UniqueFd terminal{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
    if (!terminal) {
        std::string line;
        std::getline(in, line);
        return line;
    }
    if (!secret) return read_line(terminal.get());
    const HiddenInput hidden{terminal.get()};
    return read_line(terminal.get());
}

unsigned terminal_columns() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

unsigned terminal_rows() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return 24;
    return size.ws_row;
}

void watch_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND); // a gateway that hangs keeps nobody from leaving
    (void)::sigaction(SIGINT, &action, nullptr);
}

bool was_interrupted() noexcept { return interrupted != 0; }

void end_by_interrupt() {
    (void)std::signal(SIGINT, SIG_DFL);
    (void)std::raise(SIGINT);
    ::_exit(130);
}

void sleep_unless_interrupted(std::chrono::milliseconds time) {
    // A Ctrl-C in the moment before the wait is seen after it, half a second later.
    if (!was_interrupted()) (void)::poll(nullptr, 0, static_cast<int>(time.count()));
}

} // namespace shifter::client
