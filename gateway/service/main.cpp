#include "service/gateway_main.hpp"

#include <iostream>

int main(int argc, char ** argv) {
    return shifter::service::gateway_main({argv, static_cast<std::size_t>(argc)}, std::cout, std::cerr);
}
