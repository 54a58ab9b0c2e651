// Prints what the table of keys of udiRoot.conf makes: site_config_pages sample | reference
#include "site/site_config.hpp"

#include <cstdio>
#include <string_view>

int main(int argc, char ** argv) {
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what != "sample" && what != "reference") {
        std::fputs("usage: site_config_pages sample | reference\n", stderr);
        return 1;
    }
    const std::string text = what == "sample" ? shifter::sample_site_config() : shifter::site_config_reference();
    return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
}
