// Prints what the table of keys of udiRoot.conf makes: site_config_pages sample | reference | manual
#include "site/site_config.hpp"
#include "site/site_config_keys.hpp"

#include <cstdio>
#include <string_view>

int main(int argc, char ** argv) {
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what != "sample" && what != "reference" && what != "manual") {
        std::fputs("usage: site_config_pages sample | reference | manual\n", stderr);
        return 1;
    }
    const std::string text = what == "sample"      ? shifter::sample_site_config()
                             : what == "reference" ? shifter::site_config_reference()
                                                   : shifter::site_config_manual();
    return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
}
