// shifter-squashfuse [--own]: started by shifter as the caller, with the FUSE connection on descriptor 3 and the image
// on
// 4. --own: all files are said to be the caller's.
#include "base/installed_paths.hpp"
#include "squashfuse/serve.hpp"

#include <cstdio>
#include <fcntl.h>
#include <string_view>

int main(int argc, char ** argv) {
    const std::string_view option = argc > 1 ? argv[1] : "";
    if (option == "--version") return std::printf("shifter-squashfuse %s\n", shifter::installed::version) < 0 ? 1 : 0;
    const bool own = option == "--own";
    if (argc > (own ? 2 : 1) || ::fcntl(3, F_GETFD) < 0 || ::fcntl(4, F_GETFD) < 0) {
        const bool help = option == "--help";
        (void)std::fputs(
            "shifter-squashfuse serves an image for shifter(1), which starts it; it is not started by hand\n",
            help ? stdout : stderr);
        return help ? 0 : 1;
    }
    return shifter::squashfuse::serve(3, 4,
                                      own ? shifter::squashfuse::Owners::self : shifter::squashfuse::Owners::image);
}
