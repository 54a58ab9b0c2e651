#include "doctor/doctor.hpp"

#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "doctor/report.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::doctor {
namespace {

constexpr std::chrono::seconds check_limit{15};
constexpr std::size_t max_finding = 65536;

constexpr const char * usage =
    "usage: shifter doctor [--json]\n"
    "Examines this node: what would keep containers from starting here, and what to do about it.\n"
    "  --json    the same for programs\n"
    "The status is 0 when nothing has failed. See shifter(1).\n";

/** In the child: status, what and advice, with NUL between. */
[[noreturn]] void answer(const Check & check, int channel) {
    (void)::setpgid(0, 0); // so that a program that it started ends with it
    try {
        Finding finding;
        try {
            finding = check.examine();
        } catch (const Error & error) {
            finding = fail(error.what(), "mend that, and ask the doctor again");
        }
        const std::string separator(1, '\0');
        io::write_all(channel,
                      std::to_string(static_cast<int>(finding.status)) + separator + finding.what + separator +
                          finding.advice,
                      "a finding");
        ::_exit(0);
    } catch (...) { // the parent sees that there is no answer
        ::_exit(1);
    }
}

bool hung_up(int channel, std::chrono::steady_clock::time_point end, std::string & bytes) {
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        struct pollfd waiting {
            channel, POLLIN, 0
        };
        const int ready = left.count() > 0 ? ::poll(&waiting, 1, static_cast<int>(left.count())) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        char buffer[4096];
        const ssize_t count = ::read(channel, buffer, sizeof buffer);
        if (count < 0) throw SysError{errno, "cannot read a finding"};
        if (count == 0 || bytes.size() > max_finding) return true;
        bytes.append(buffer, static_cast<std::size_t>(count));
    }
}

Patient examine_patient(const std::string & config_path) {
    Patient patient{config_path, std::nullopt, {}};
    try {
        patient.check = check_site_config(config_path);
    } catch (const Error & error) {
        patient.unreadable = error.what();
    }
    return patient;
}

std::string slurm_folder() {
    const char * const file = std::getenv("SLURM_CONF"); // NOLINT(concurrency-mt-unsafe): one thread
    const std::string path = file != nullptr && file[0] == '/' ? file : "/etc/slurm/slurm.conf";
    return path.substr(0, path.rfind('/'));
}

} // namespace

std::vector<Check> checks_of(const Patient & patient) {
    std::vector<Check> checks;
    const std::string program = std::string{installed::prefix} + "/bin/shifter";
    const SiteConfig * const site = patient.site();
    checks.push_back({"set-id bit", [program, site] { return examine_set_id(program, site); }});
    checks.push_back({"configuration", [&patient] { return examine_config(patient); }});
    checks.push_back({"programs", [&patient] { return examine_helpers(patient); }});
    // Without the set-id bit there is a user namespace, where squashfuse serves every image.
    const ImageMount wanted = site != nullptr ? site->image_mount : ImageMount::automatic;
    const ImageMount how = has_set_id(program) ? wanted : ImageMount::fuse;
    checks.push_back({"squashfs", [how] { return examine_squashfs(how); }});
    if (site != nullptr) checks.push_back({"decompressors", [site, how] { return examine_decompressors(*site, how); }});
    checks.push_back({"loop devices", [how] { return examine_loop(how); }});
    checks.push_back({"fuse", [how] { return examine_fuse(how); }});
    checks.push_back({"overlay", [] { return examine_overlay(); }});
    if (site != nullptr) {
        checks.push_back({"imagePath", [site] { return examine_image_path(*site); }});
        checks.push_back({"images", [site] { return examine_images(*site); }});
        checks.push_back({"mount points", [site] { return examine_mount_points(*site); }});
        checks.push_back({"etcPath", [site] { return examine_etc_path(*site); }});
        checks.push_back({"free space", [site] { return examine_space(*site); }});
    }
    checks.push_back({"munge", [] { return examine_munge(); }});
    if (site != nullptr) checks.push_back({"gateway", [site] { return examine_gateways(*site); }});
    checks.push_back({"Slurm plugin", [] {
                          return examine_slurm(slurm_folder(),
                                               std::string{installed::prefix} + "/lib/shifter/shifter_slurm.so");
                      }});
    return checks;
}

Examination::Examination(const Check & check) {
    io::Pipe pipe = io::make_pipe();
    pid_ = ::fork();
    if (pid_ < 0) throw SysError{errno, "cannot start a check"};
    if (pid_ == 0) {
        pipe.read_end.reset();
        answer(check, pipe.write_end.get());
    }
    (void)::setpgid(pid_, pid_); // by whichever of the two comes first
    channel_ = std::move(pipe.read_end);
}

Finding Examination::finish(std::chrono::steady_clock::time_point end) {
    std::string bytes;
    const bool in_time = hung_up(channel_.get(), end, bytes);
    if (!in_time || bytes.size() > max_finding) {
        ::kill(-pid_, SIGKILL); // not waited for: what hangs in the kernel does not end
        return in_time ? fail("the check said more than 64 KiB", "report it, with the output of: shifter --version")
                       : fail("no answer in time", "see whether the storage or the service behind it is alive");
    }
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    const auto parts = text::split(bytes, '\0');
    if (parts.size() != 3 || parts[0].size() != 1 || parts[0][0] < '0' || parts[0][0] > '2')
        return fail("the check died", "report it, with the output of: shifter --version");
    return {static_cast<Status>(parts[0][0] - '0'), std::string{parts[1]}, std::string{parts[2]}};
}

int doctor_main(const std::vector<std::string> & words, const std::string & config_path, std::string & out,
                std::string & err) {
    bool json = false;
    for (const std::string & word : words) {
        if (word == "--help" || word == "-h") return out = usage, static_cast<int>(ExitStatus::success);
        if (word != "--json") {
            err = "shifter doctor: there is no option " + quoted(word) +
                  "; to run a command of an image that is called doctor, write: shifter -- doctor\n";
            return static_cast<int>(ExitStatus::failed);
        }
        json = true;
    }
    const Patient patient = examine_patient(config_path);
    // All at once: two that hang take no longer than one.
    const auto checks = checks_of(patient);
    std::vector<Examination> examinations(checks.begin(), checks.end());
    const auto end = std::chrono::steady_clock::now() + check_limit;
    std::vector<Result> results;
    for (std::size_t i = 0; i < checks.size(); ++i)
        results.push_back({std::string{checks[i].name}, examinations[i].finish(end)});
    out = json ? as_json(results) : as_text(results);
    return static_cast<int>(worst(results) == Status::failed ? ExitStatus::failed : ExitStatus::success);
}

} // namespace shifter::doctor
