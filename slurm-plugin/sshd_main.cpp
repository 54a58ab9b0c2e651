/**
 * @file
 * shifter-sshd: becomes the sshd of a job, in the job's container, as the job's user. Static, since it is no file of
 * the container; it trusts nothing, and what it writes is in /etc/ssh, which is in memory and ends with the job's root.
 *
 * usage: shifter-sshd PORT ADDRESS. The keys stand on its standard input, as counted_strings.hpp has them: private and
 * public key of the user, private and public key of the host. Its environment is that of the sessions.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): one thread
#include "slurm-plugin/counted_strings.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using Strings = std::vector<std::string>;

constexpr const char * sshd = "/opt/udiImage/sbin/sshd";
constexpr std::array files_of_site = {sshd, "/opt/udiImage/bin/ssh", "/opt/udiImage/bin/ssh-keygen"};
const std::string folder = "/etc/ssh/";

[[noreturn]] void fail(const std::string & sentence) { throw std::runtime_error{sentence}; }
[[noreturn]] void fail_errno(const std::string & sentence) { fail(sentence + ": " + std::strerror(errno)); }

std::string read_input() {
    constexpr std::size_t max_input = std::size_t{1} << 16U;
    std::string text;
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while ((count = ::read(STDIN_FILENO, buffer.data(), buffer.size())) > 0 && text.size() < max_input)
        text.append(buffer.data(), static_cast<std::size_t>(count));
    return text;
}

void write_file(const std::string & name, const std::string & content, mode_t mode) {
    const std::string path = folder + name;
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) fail_errno("cannot make " + path + " in the container");
    for (std::size_t done = 0; done < content.size();) {
        const ssize_t count = ::write(fd, content.data() + done, content.size() - done);
        if (count < 0 && errno != EINTR) fail_errno("cannot write " + path + " in the container");
        if (count > 0) done += static_cast<std::size_t>(count);
    }
    (void)::close(fd);
}

struct Account {
    std::string name;
    std::string shell;
};

/** The user's line in the container's passwd: name services load modules, and this program is static. */
Account own_account() {
    std::ifstream file{"/etc/passwd"};
    for (std::string line; std::getline(file, line);) {
        Strings fields;
        std::istringstream rest{line + ":"};
        for (std::string field; std::getline(rest, field, ':');) fields.push_back(field);
        if (fields.size() == 7 && fields[2] == std::to_string(::getuid()))
            return {fields[0], fields[6].empty() ? "/bin/sh" : fields[6]};
    }
    fail("the container's /etc/passwd does not have uid " + std::to_string(::getuid()));
}

/** The name stands in sshd_config, where some characters are patterns. */
void check(const Account & account) {
    if (account.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
        std::string::npos)
        fail("sshd cannot be told of a user whose name is \"" + account.name + "\"");
    if (::access(account.shell.c_str(), X_OK) != 0)
        fail("the image has no " + account.shell + ", which is the login shell of " + account.name);
}

void check_files_of_site() {
    for (const char * const path : files_of_site)
        if (::access(path, X_OK) != 0)
            fail(std::string{path} + " cannot be executed in the container: " + std::strerror(errno) +
                 "; optUdiImage of udiRoot.conf names the tree, and shifter-sshd-tree makes one");
}

bool is_public_key(const std::string & line) {
    return line.rfind("ssh-ed25519 ", 0) == 0 && line.find('\n') == std::string::npos;
}

/** One line, since sshd takes the first SetEnv alone. Variables that no line can hold are left out. */
std::string set_env_line(char ** environment) {
    static const std::set<std::string> of_sshd = {"HOME", "USER", "LOGNAME", "SHELL"};
    std::string line;
    for (char ** entry = environment; *entry != nullptr; ++entry) {
        const std::string text{*entry};
        bool plain = text.find('=') != std::string::npos && of_sshd.count(text.substr(0, text.find('='))) == 0;
        std::string word;
        for (const char c : text) {
            plain = plain && static_cast<unsigned char>(c) >= ' ';
            if (c == '"' || c == '\\') word += '\\';
            word += c;
        }
        if (plain) line += " \"" + word + "\"";
    }
    return line.empty() ? "" : "SetEnv" + line + "\n";
}

std::string server_config(const std::string & port, const std::string & address, const std::string & user,
                          char ** environment) {
    return "# Of this job alone, and gone with it.\nPort " + port + "\n" +
           (address.empty() ? "" : "ListenAddress " + address + "\n") +
           "HostKey /etc/ssh/ssh_host_ed25519_key\nAuthorizedKeysFile /etc/ssh/authorized_keys\nAllowUsers " + user +
           "\nPermitRootLogin no\nAuthenticationMethods publickey\nPasswordAuthentication no\n"
           "KbdInteractiveAuthentication no\nUsePAM no\nStrictModes yes\nPidFile none\nX11Forwarding yes\nAcceptEnv *\n"
           "PrintMotd no\nPrintLastLog no\nSubsystem sftp internal-sftp\n" +
           set_env_line(environment);
}

/** The job's nodes, each once; this one where nobody knows the others. */
Strings nodes_of_job() {
    Strings nodes;
    std::set<std::string> seen;
    for (const char * const path : {"/var/hostsfile", "/var/shifterSlurm.node"}) {
        std::ifstream file{path};
        for (std::string line; std::getline(file, line);)
            if (!line.empty() && seen.insert(line).second) nodes.push_back(line);
        if (!nodes.empty()) break;
    }
    return nodes;
}

/** For the nodes of the job alone: every other host is the user's own affair. */
std::string client_config(const std::string & port) {
    constexpr std::size_t max_line = 900; // older clients read lines of 1023 bytes
    std::string hosts;
    std::string text = "# For the nodes of this job.\n";
    const auto add_block = [&] {
        if (hosts.empty()) return;
        text += "Host" + hosts + "\n    Port " + port +
                "\n    IdentityFile /etc/ssh/id_ed25519\n    IdentitiesOnly yes\n    HostKeyAlias shifter-job\n"
                "    StrictHostKeyChecking yes\n    PasswordAuthentication no\n    ConnectionAttempts 10\n"
                "    ForwardX11 no\n    LogLevel ERROR\n";
        hosts.clear();
    };
    for (const std::string & node : nodes_of_job()) {
        if (hosts.size() + node.size() > max_line) add_block();
        hosts += " " + node;
    }
    add_block();
    return text;
}

void prepare(const std::string & port, const std::string & address, char ** environment) {
    const auto keys = shifter::slurm_plugin::decode_strings(read_input());
    if (!keys || keys->size() != 4 || !is_public_key((*keys)[1]) || !is_public_key((*keys)[3]))
        fail("the keys of this job cannot be read");
    const Account account = own_account();
    check_files_of_site();
    check(account);
    // sshd and ssh want a folder that nobody else may write in, though nobody else is here.
    if (::chmod(folder.c_str(), 0755) != 0) fail_errno("cannot use " + folder + " of the container");
    write_file("id_ed25519", (*keys)[0], 0600);
    write_file("id_ed25519.pub", (*keys)[1] + "\n", 0644);
    write_file("authorized_keys", (*keys)[1] + "\n", 0600);
    write_file("ssh_host_ed25519_key", (*keys)[2], 0600);
    write_file("ssh_known_hosts", "shifter-job " + (*keys)[3] + "\n", 0644);
    write_file("sshd_config", server_config(port, address, account.name, environment), 0600);
    write_file("ssh_config", client_config(port), 0644);
}

/** The daemon has another mark for the killer of processes than its children may have. */
void be_an_ordinary_process() {
    ::umask(022);
    if (::chdir("/") != 0) fail_errno("cannot enter the container's root");
    std::ofstream{"/proc/self/oom_score_adj"} << "0";
}

} // namespace

int main(int argc, char ** argv, char ** environment) {
    try {
        if (argc != 3) fail("shifter-sshd is for the Slurm plugin");
        be_an_ordinary_process();
        prepare(argv[1], argv[2], environment);
        const int complaints = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (complaints < 0 || nowhere < 0) fail_errno("cannot open /dev/null");
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) (void)::dup2(nowhere, fd);
        Strings words = {sshd, "-D", "-f", folder + "sshd_config", "-E", folder + "sshd.log"};
        std::vector<char *> pointers;
        for (std::string & word : words) pointers.push_back(word.data());
        pointers.push_back(nullptr);
        // Its own environment is none of the image's: it has a loader and libraries of its own.
        std::string path = "PATH=/usr/bin:/bin";
        const std::array<char *, 2> own = {path.data(), nullptr};
        ::execve(sshd, pointers.data(), own.data());
        const int why = errno;
        (void)::dup2(complaints, STDERR_FILENO);
        fail("cannot execute " + std::string{sshd} + " in the container: " + std::strerror(why));
    } catch (const std::exception & error) {
        (void)std::fprintf(stderr, "%s\n", error.what());
    }
    return 1;
}
// NOLINTEND(concurrency-mt-unsafe)
