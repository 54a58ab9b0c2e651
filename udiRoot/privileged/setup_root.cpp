// setupRoot and unsetupRoot: a job's root on this node, prepared once and held until the job is gone. Contract 11.
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "privileged/accounts.hpp"
#include "privileged/job_root.hpp"
#include "privileged/prepare.hpp"
#include "privileged/watchdog.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <optional>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr const char * usage =
    "usage: setupRoot [-V] -U uid -G gid [-u name] [-g gid,...] [-m modules] [-v volume]... [-N \"host/tasks ...\"]\n"
    "                 [-j job] [-n node] [--ssh] [--hand-over] type id\n"
    "       unsetupRoot [-j job] [-n node]\n";

struct Options {
    Identity user;
    bool groups_given = false;
    bool hand_over = false;
    bool ssh = false;
    bool verbose = false;
    std::string name;
    std::string job = "node";
    std::string node;
    std::string hosts;
    std::string volumes;
    std::optional<std::string> modules;
    std::vector<std::string> words;
};

template <class Number> Number number(const char * text, const std::string & what) {
    const auto value = text::parse_unsigned<Number>(text);
    if (!value || *value == static_cast<Number>(-1)) throw Error{what + " is a number, not " + quoted(text)};
    return *value;
}

Options parse(int argc, char ** argv, bool set_up) {
    enum : int { hand_over = 256, ssh, help, version };
    constexpr std::array long_options = {
        option{"hand-over", no_argument, nullptr, hand_over}, option{"ssh", no_argument, nullptr, ssh},
        option{"help", no_argument, nullptr, help}, option{"version", no_argument, nullptr, version}, option{}};
    Options options;
    opterr = 0;
    int code = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    while ((code = ::getopt_long(argc, argv, set_up ? "+hVU:G:u:g:s:N:m:v:j:n:" : "+hVj:n:", long_options.data(),
                                 nullptr)) != -1) {
        switch (code) {
        case 'V':
            options.verbose = true;
            break;
        case 'U':
            options.user.uid = number<uid_t>(optarg, "-U");
            break;
        case 'G':
            options.user.gid = number<gid_t>(optarg, "-G");
            break;
        case 'g':
            options.groups_given = true;
            for (const std::string_view group : text::split(optarg, ','))
                if (!group.empty()) options.user.groups.push_back(number<gid_t>(std::string{group}.c_str(), "-g"));
            break;
        case 's':
            throw Error{"-s is not supported: the Slurm plugin starts the sshd of a job (enable_sshd)"};
        case 'N':
            options.hosts += std::string{" "} + optarg;
            break;
        case 'm':
            options.modules = optarg;
            break;
        case 'v':
            options.volumes += (options.volumes.empty() ? "" : ";") + std::string{optarg};
            break;
        case 'u':
        case 'j':
        case 'n':
            (code == 'u' ? options.name : code == 'j' ? options.job : options.node) = optarg;
            break;
        case hand_over:
            options.hand_over = true;
            break;
        case ssh:
            options.ssh = true;
            break;
        case help:
        case 'h':
        case version:
            io::write_all(STDOUT_FILENO,
                          code == version ? std::string{SHIFTER_PROGRAM} + " " + installed::version + "\n" : usage,
                          "the output");
            ::_exit(0);
        default:
            throw Error{std::string{"an option is unknown or lacks its value; "} + usage};
        }
    }
    options.words.assign(argv + optind, argv + argc);
    return options;
}

RunRequest request_of(const Options & options) {
    if (options.words.size() != 2) throw Error{std::string{"two words are needed, type and id; "} + usage};
    const std::string & type = options.words[0];
    const std::string & id = options.words[1];
    std::optional<RequestedImage> image;
    if (type == "local" && !id.empty() && id.front() == '/') image = LocalImage{id};
    // Tags are not looked up here: whoever prepares a root knows the image's identifier (contract 11).
    if (type == "id") image = ImageId::parse(id).value_or_throw("cannot use the image id " + quoted(id));
    if (!image) throw Error{"cannot use " + type + ":" + id + ": the type is id, or local with an absolute path"};
    RunRequest request{.image = *std::move(image)};
    request.volumes = options.volumes;
    request.modules = options.modules;
    request.verbose = options.verbose;
    return request;
}

/** A person's groups, asked of a child that has dropped: name services load modules (I3). */
std::vector<gid_t> groups_of(const Identity & user, const std::string & name) {
    constexpr std::size_t max_answer = 1U << 20U;
    if (name.empty()) throw Error{"without -g, the groups are those of the user of -u: name one"};
    Child child = Child::start(user, [&](int channel) {
        int count = 65536;
        std::vector<gid_t> groups(static_cast<std::size_t>(count));
        if (::getgrouplist(name.c_str(), user.gid, groups.data(), &count) < 0)
            throw Error{"user " + quoted(name) + " is in too many groups"};
        std::string text;
        for (int i = 0; i < count; ++i) text += std::to_string(groups[static_cast<std::size_t>(i)]) + ",";
        send_answer(channel, {text});
    });
    std::vector<gid_t> groups;
    const Answer answer = child.receive(max_answer);
    child.finish();
    for (const std::string_view group : text::split(answer.text, ','))
        if (const auto value = text::parse_unsigned<gid_t>(group)) groups.push_back(*value);
    return groups;
}

/** "host1/2 host2/1" as /var/hostsfile: each name as often as it says (contract 5.8). */
std::string hosts_file(const std::string & specification) {
    constexpr unsigned max_tasks = 1U << 16U;
    std::string text;
    for (const std::string_view word : text::words(specification)) {
        const std::size_t slash = word.find('/');
        const auto count =
            slash == std::string_view::npos ? std::nullopt : text::parse_unsigned<unsigned>(word.substr(slash + 1));
        if (slash == 0 || !count || *count == 0 || *count > max_tasks)
            throw Error{"-N has words like host/4, not " + quoted(word)};
        for (unsigned i = 0; i < *count; ++i) text += std::string{word.substr(0, slash)} + "\n";
    }
    return text;
}

/** What only a job's root has: files that tell the job, and the place for the keys of its sshd. */
void add_job_files(const Options & options, MountPlan & plan) {
    constexpr std::uint64_t max_ssh = 2U << 20U; // names of 10,000 nodes, and a log
    const auto path_of = [](const char * path) { return ContainerPath::parse(path).value_or_throw("a path"); };
    const auto add_step = [&](Step step) {
        const bool sealed = !plan.steps.empty() && std::holds_alternative<SealRoot>(plan.steps.back());
        plan.steps.insert(sealed ? plan.steps.end() - 1 : plan.steps.end(), std::move(step));
    };
    Volume ssh{.from = path_of("/"), .to = path_of("/etc/ssh"), .tmpfs_bytes = max_ssh};
    if (options.ssh) add_step(MountTmpfs{std::move(ssh), max_ssh, VolumeOwner::site});
    add_step(WriteFile{path_of(job_file), options.job});
    if (!options.node.empty()) add_step(WriteFile{path_of(node_file), options.node});
    if (!options.hosts.empty()) add_step(WriteFile{path_of("/var/hostsfile"), hosts_file(options.hosts)});
}

/** This process stands in the root, in a namespace of its own, when this returns. @return the key and the record */
std::pair<std::string, ImageRecord> make_root(const Options & options, const Privileged & root) {
    const RunRequest request = request_of(options);
    const SiteConfig site = load_site_config(installed::site_config);
    std::string key = job_root_key(root.caller(), request, site);
    const Deadline deadline;
    Child watchdog = start_account_child(root.caller(), site);
    watchdog.tell();
    Prepared prepared = prepare(root, request, site, [&] { return receive_account(watchdog); });
    if (!options.name.empty() && prepared.user_name != options.name)
        throw Error{"uid " + std::to_string(options.user.uid) + " is " + quoted(prepared.user_name) + ", not " +
                    quoted(options.name)};
    add_job_files(options, prepared.plan);
    (void)build(root, prepared.plan, std::move(prepared.image.mounted));
    watchdog.finish();
    return {std::move(key), std::move(prepared.image.record)};
}

/** --hand-over: who asked takes the namespace over while this process waits for the end of its input. */
int hand_over(const Options & options, const Privileged & root) {
    const auto [key, record] = make_root(options, root);
    io::write_all(STDOUT_FILENO, format_image_record(record).value_or_throw("the image's record") + "\nend\n",
                  "the answer");
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
    }
    return 0;
}

/** The keeper of a job's root: until unsetupRoot ends it. */
[[noreturn]] void keep(const Options & options, const Privileged & root, const JobNotes & notes, int answer) {
    try {
        if (::setsid() < 0) throw SysError{errno, "cannot begin a session"};
        const auto [key, record] = make_root(options, root);
        const UniqueFd own{::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)}; // the container's /proc is the node's
        if (!own) throw SysError{errno, "cannot open the mount namespace of this process"};
        notes.write(root_note, job_root_note("ns/mnt", own.get(), key, record));
        io::write_all(answer, std::string_view{"+"}, "the answer");
    } catch (const std::exception & error) {
        io::write_all(answer, "-" + std::string{error.what()}, "the answer");
        ::_exit(1);
    }
    const int nowhere = ::open("/dev/null", O_RDWR); // NOLINT(android-cloexec-open): nothing is executed
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) (void)::dup2(nowhere, fd);
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    unblock_signals();
    for (;;) ::pause();
}

int set_up(Options options) {
    if (options.user.uid == 0 || options.user.gid == 0 || options.user.uid == static_cast<uid_t>(-1) ||
        options.user.gid == static_cast<gid_t>(-1))
        throw Error{"-U and -G are needed, and name an ordinary user and group, not those of root"};
    if (options.verbose) log::set_level(log::Level::info);
    if (!options.groups_given) options.user.groups = groups_of(options.user, options.name);
    const Privileged root = Privileged::take_for(std::move(options.user));
    options.user = root.caller();
    const JobOnNode job = JobOnNode::make(options.job, options.node).value_or_throw("cannot use -j or -n");
    if (options.hand_over) return hand_over(options, root);

    const JobNotes notes = JobNotes::make(job);
    if (const auto old = notes.read(root_note); old && open_holder(*old))
        throw Error{"job " + job.folder() + " has a root already; unsetupRoot removes it"};
    io::Pipe answer = io::make_pipe();
    const pid_t pid = ::fork();
    if (pid < 0) throw SysError{errno, "cannot start the keeper of the root"};
    if (pid == 0) keep(options, root, notes, answer.write_end.get());
    answer.write_end.reset();
    std::array<std::byte, 4096> buffer{};
    const std::size_t count = io::read_some(answer.read_end.get(), std::span{buffer}.first(1), "the keeper's answer");
    if (count == 1 && buffer[0] == std::byte{'+'}) return 0;
    const std::string why = io::read_all(answer.read_end.get(), max_request_bytes, "the keeper's answer");
    (void)wait_for(pid);
    JobNotes::remove(job);
    throw Error{count == 1 ? why : "the keeper of the root ended without a word"}; // H11-1: nothing is left
}

int tear_down(const Options & options) {
    constexpr int patience_ms = 5000;
    if (!options.words.empty()) throw Error{usage};
    const JobOnNode job = JobOnNode::make(options.job, options.node).value_or_throw("cannot use -j or -n");
    const auto notes = JobNotes::find(job);
    if (!notes) return 0;
    const auto note = notes->read(root_note);
    if (const UniqueFd holder = note ? open_holder(*note) : UniqueFd{}) {
        if (::syscall(SYS_pidfd_send_signal, holder.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
            throw SysError{errno, "cannot end the keeper of job " + job.folder()};
        struct pollfd ended {
            holder.get(), POLLIN, 0
        };
        if (::poll(&ended, 1, patience_ms) != 1) // H11-2: said, not hidden
            throw Error{"the keeper of job " + job.folder() + " does not end"};
    }
    JobNotes::remove(job);
    return 0;
}

int run(int argc, char ** argv) {
    const bool sets_up = std::string_view{SHIFTER_PROGRAM} == "setupRoot";
    Options options = parse(argc, argv, sets_up);
    if (::getuid() != 0 || ::geteuid() != 0) throw Error{"it is for root, and for the batch system's daemons"};
    if (::clearenv() != 0) // NOLINT(concurrency-mt-unsafe): one thread
        throw Error{"cannot clear the environment"};
    return sets_up ? set_up(std::move(options)) : tear_down(options);
}

} // namespace
} // namespace shifter::privileged

int main(int argc, char ** argv) {
    shifter::log::set_program(SHIFTER_PROGRAM);
    try {
        return shifter::privileged::run(argc, argv);
    } catch (const std::exception & error) {
        shifter::log::error(error.what());
        return static_cast<int>(shifter::ExitStatus::failed);
    }
}
