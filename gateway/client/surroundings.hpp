/**
 * @file
 * What shifterimg touches outside of itself, as values that a test can replace.
 */
#pragma once

#include "auth/credential.hpp"
#include "client/transport.hpp"
#include "site/site_config.hpp"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>

namespace shifter::client {

struct Streams {
    std::istream & in;
    std::ostream & out;
    std::ostream & err;
    bool out_is_terminal = false;
    unsigned columns = 80; ///< of the terminal
    unsigned rows = 24;
};

struct Surroundings {
    /** Loaded only by modes that need it, so that --help works on any machine. */
    std::function<SiteConfig()> site;
    Transport & transport;
    /** A MUNGE credential for one request. */
    std::function<std::string(const auth::AuthorizedLocations &)> make_credential;
    std::function<std::string(std::string_view)> seal;
    std::function<std::optional<std::string>(std::string_view)> unseal;
    std::string home; ///< of the account database, not of $HOME (contract 9.4); empty: there is none
    /** Reads an answer of the person; `secret`: without showing it. From the terminal, else from Streams::in. */
    std::function<std::string(const std::string & prompt, bool secret)> ask;
    std::function<std::chrono::system_clock::time_point()> now;
    std::function<void(std::chrono::milliseconds)> sleep;
    Streams io;
    /** From here on Ctrl-C ends no program, but waits; `interrupted` says that it was pressed. Empty: nobody can. */
    std::function<void()> watch_interrupts = {};
    std::function<bool()> interrupted = {};
    std::string machine = {}; ///< what `uname -m` says here: gateways give the image of its platform
    /** An account's name for a uid, or its digits. */
    std::function<std::string(std::uint32_t)> user_name = {};
};

} // namespace shifter::client
