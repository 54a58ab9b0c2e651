// What a look-up needs: MUNGE on this node, and a gateway that serves this system.
#include "doctor/checks.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"
#include "doctor/program.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace shifter::doctor {
namespace {

constexpr time_t patience_seconds = 4;

struct Url {
    std::string scheme;
    std::string host;
    std::string port;
    std::string path; ///< without a slash at its end
};

/** A URL that the site's configuration has accepted. */
Url parse_url(const std::string & text) {
    Url url;
    const std::size_t scheme = text.find("://");
    url.scheme = text.substr(0, scheme);
    std::string rest = text.substr(scheme + 3);
    const std::size_t slash = rest.find('/');
    if (slash != std::string::npos) url.path = rest.substr(slash);
    rest = rest.substr(0, slash);
    const std::size_t colon = rest.rfind(':');
    const bool has_port = colon != std::string::npos && rest.find(']', colon) == std::string::npos;
    url.port = has_port ? rest.substr(colon + 1) : url.scheme == "https" ? "443" : "80";
    url.host = has_port ? rest.substr(0, colon) : rest;
    if (url.host.size() > 2 && url.host.front() == '[') url.host = url.host.substr(1, url.host.size() - 2);
    return url;
}

struct FreesAddresses {
    void operator()(addrinfo * list) const noexcept { ::freeaddrinfo(list); }
};

/** @throws Error with the reason alone */
UniqueFd connect_to(const Url & url) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo * list = nullptr;
    const int why = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &list);
    if (why != 0) throw Error{"the name " + quoted(url.host) + " has no address: " + ::gai_strerror(why)};
    const std::unique_ptr<addrinfo, FreesAddresses> addresses{list};
    int last = 0;
    for (const addrinfo * address = list; address != nullptr; address = address->ai_next) {
        UniqueFd socket{::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const struct timeval limit { patience_seconds, 0 };
        if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
            ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
            throw SysError{errno, "cannot make a socket"};
        if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0) return socket;
        last = errno == EINPROGRESS ? ETIMEDOUT : errno;
    }
    throw Error{describe_errno(last)};
}

/** The status of a GET; 0 when what answers does not speak HTTP. `credential` may be empty. */
unsigned get(const Url & url, const std::string & path, const std::string & credential) {
    const UniqueFd socket = connect_to(url);
    const std::string who = credential.empty() ? "" : "authentication: " + credential + "\r\n";
    const std::string request =
        "GET " + url.path + path + " HTTP/1.0\r\nHost: " + url.host + ":" + url.port + "\r\n" + who + "\r\n";
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
        throw Error{describe_errno(errno)};
    std::string answer;
    std::array<char, 256> buffer{};
    while (answer.find('\n') == std::string::npos && answer.size() < 4096) {
        const ssize_t count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (count < 0)
            throw Error{errno == EAGAIN ? "it takes the request, and does not answer" : describe_errno(errno)};
        if (count == 0) break;
        answer.append(buffer.data(), static_cast<std::size_t>(count));
    }
    const auto words = text::words(std::string_view{answer}.substr(0, answer.find('\n')));
    if (words.size() < 2 || words[0].substr(0, 5) != "HTTP/") return 0;
    return text::parse_unsigned<unsigned>(words[1]).value_or(0);
}

/** A credential without content, which names the caller; empty when MUNGE has none, which is another check's matter. */
std::string credential() {
    const auto munge = find_program("munge");
    if (!munge) return {};
    const Outcome made = run({*munge, "--no-input"});
    return made.status == 0 ? std::string{text::trim(made.output)} : std::string{};
}

/** This program speaks no TLS; curl does, where it is there. */
Finding examine_by_https(const Url & url, const std::string & text) {
    (void)connect_to(url);
    const auto curl = find_program("curl");
    if (!curl)
        return warn(text + " can be connected to, and was not asked whether it is a gateway: curl is not here",
                    "shifterimg images asks it");
    const Outcome answer = run({*curl, "--silent", "--show-error", "--max-time", "10", "--output", "/dev/null",
                                "--write-out", "%{http_code}", text + "/api/status"});
    const std::string said{text::trim(answer.output)};
    if (answer.status != 0) return fail(text + " cannot be asked by https: " + said, "correct its certificate");
    if (said != "200")
        return fail(text + " answers with status " + said + ", so it is no gateway", "correct imageGateway");
    return well(text + " answers as a gateway does");
}

Finding examine_gateway(const std::string & text, const std::string & system) {
    const Url url = parse_url(text);
    const std::string start = "on the gateway's host: systemctl status shifter-gateway; or correct imageGateway";
    try {
        if (url.scheme != "http") return examine_by_https(url, text);
        if (const unsigned status = get(url, "/api/status", {}); status != 200)
            return fail(text + " answers" +
                            (status == 0 ? ", and not by HTTP" : " with status " + std::to_string(status)) +
                            ", so it is no gateway",
                        "correct imageGateway");
        const std::string who = credential();
        const unsigned status = get(url, "/api/list/" + system, who);
        if (status == 404)
            return fail(text + " does not serve the system " + quoted(system),
                        "make system the name of a platform in the gateway's imagemanager.json");
        if (status == 401 && who.empty())
            return warn(text + " is there, and was not asked for the system, for want of a credential",
                        "see the line of munge");
        if (status == 401)
            return fail(text + " takes no credential of this node for the system " + quoted(system),
                        "give both hosts the same munge.key, and clocks that agree");
        if (status != 200)
            return fail(text + " answers with status " + std::to_string(status), "see the log of the gateway");
    } catch (const Error & error) {
        return fail(text + " cannot be reached: " + error.what(), start);
    }
    return well(text + " serves " + system);
}

} // namespace

Finding examine_munge() {
    const std::string advice = "as root: systemctl start munge; see journalctl -u munge";
    const auto munge = find_program("munge");
    const auto unmunge = find_program("unmunge");
    if (!munge || !unmunge)
        return warn("munge(1) and unmunge(1) are not installed, so the round trip was not tried",
                    "install the package munge, which the gateway's clients need on this node");
    const auto reason = [](const std::string & output) {
        return std::string{text::trim(std::string_view{output}.substr(0, output.find('\n')))};
    };
    const Outcome made = run({*munge, "--no-input"});
    if (made.status != 0) return fail("no credential can be made: " + reason(made.output), advice);
    const Outcome read = run({*unmunge}, made.output);
    if (read.status != 0) return fail("a credential of this node is not valid on it: " + reason(read.output), advice);
    return well("a credential was made and read");
}

Finding examine_gateways(const SiteConfig & site) {
    if (site.image_gateways.empty())
        return fail("imageGateway is not set, so images can only be run by their identifier",
                    "set imageGateway to the gateway's URL");
    if (site.system.empty())
        return fail("system is not set, so the gateway cannot be asked",
                    "set system to the name of a platform in the gateway's imagemanager.json");
    Finding all;
    for (const std::string & url : site.image_gateways) {
        Finding one = examine_gateway(url, site.system);
        if (one.status != Status::ok) return one;
        all.what += (all.what.empty() ? "" : ", ") + one.what;
    }
    return all;
}

} // namespace shifter::doctor
