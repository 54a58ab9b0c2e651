#include "slurm-plugin/job.hpp"

#include "base/error.hpp"
#include "base/image_request.hpp"
#include "base/installed_paths.hpp"
#include "base/text.hpp"
#include "frontend/platform_images.hpp"
#include "slurm-plugin/child.hpp"

#include <cerrno>
#include <exception>
#include <fcntl.h>

namespace shifter::slurm_plugin {
namespace {

using privileged::JobNotes;
using privileged::JobOnNode;
using privileged::JobRoot;

constexpr const char * request_note = "request";
constexpr const char * run_note = "run";
constexpr const char * first_image_note = "first-image";
constexpr const char * hosts_note = "hosts";
constexpr const char * ssh_note = "ssh-keys";
constexpr const char * failure_note = "failure";
constexpr const char * unusable_note = "unusable";
constexpr std::size_t max_word = 100000; ///< bytes of an argument
constexpr std::string_view answer_end = "\nend\n";

std::vector<std::string> setup_command(const JobOnNode & job, const Identity & user, const RunRequest & request,
                                       const std::string & hosts, bool with_ssh) {
    std::string groups;
    for (const gid_t group : user.groups) groups += std::to_string(group) + ",";
    // By the path of the build: no variable and no configuration has a say in what root executes (I8).
    std::vector<std::string> words = {std::string{installed::prefix} + "/sbin/setupRoot",
                                      "--hand-over",
                                      "-j",
                                      job.job(),
                                      "-U",
                                      std::to_string(user.uid),
                                      "-G",
                                      std::to_string(user.gid),
                                      "-g",
                                      groups};
    const auto add = [&](const char * option, const std::string & value) {
        words.emplace_back(option);
        words.push_back(value);
    };
    if (!job.node().empty()) add("-n", job.node());
    for (std::size_t begin = 0; begin < hosts.size();) {
        const std::size_t end = hosts.rfind(' ', begin + max_word); // one argument may be no longer than 128 KiB
        add("-N", hosts.substr(begin, hosts.size() - begin <= max_word ? std::string::npos : end - begin));
        begin = hosts.size() - begin <= max_word ? hosts.size() : end + 1;
    }
    if (with_ssh) words.emplace_back("--ssh");
    if (request.modules) add("-m", *request.modules);
    if (!request.volumes.empty()) add("-v", request.volumes);
    const auto * const id = std::get_if<ImageId>(&request.image);
    words.emplace_back(id != nullptr ? "id" : "local");
    words.push_back(id != nullptr ? id->to_string() : std::get<LocalImage>(request.image).path);
    return words;
}

/** What the submission found for all platforms; of what cannot be read, nothing. */
frontend::PlatformImages images_in_step(const Environment & environment) {
    const auto text = environment(std::string{"SLURM_SPANK_"} + frontend::platform_images_variable);
    auto images = frontend::parse_platform_images(text.value_or(""));
    return images ? *std::move(images) : frontend::PlatformImages{};
}

/** The job's image as it is on this node's platform. */
ImageId own_image(const ImageId & id, const Environment & variables, const Environment & own) {
    const auto images = frontend::parse_platform_images(own(frontend::platform_images_variable).value_or(""))
                            .value_or_throw("cannot use the images of this job");
    return frontend::image_for(Platform::of_this_machine(), images, id,
                               variables("SHIFTER_IMAGEREQUEST").value_or(id.to_string()));
}

} // namespace

std::optional<Variable> image_of_this_node(const Environment & environment) {
    const auto tag = environment("SHIFTER_IMAGE");
    const auto images = images_in_step(environment);
    if (!tag || images.empty() || environment("SHIFTER_IMAGETYPE") != "id") return std::nullopt;
    const auto id = ImageId::parse(*tag);
    if (!id) return std::nullopt;
    try {
        return Variable{"SHIFTER_IMAGE",
                        frontend::image_for(Platform::of_this_machine(), images, *id, *tag).to_string()};
    } catch (const Error &) {
        return std::nullopt; // told by whoever wants to be in it
    }
}

bool is_image_of_first_component(const std::string & first, const ImageRequest & told,
                                 const Environment & environment) {
    if (first == told.to_string()) return true;
    const auto other = ImageRequest::parse(first, std::nullopt);
    if (!other || told.type != ImageType::id || other->type != ImageType::id) return false;
    const auto one = ImageId::parse(told.tag);
    const auto two = ImageId::parse(other->tag);
    return one && two && frontend::hold_both(images_in_step(environment), *one, *two);
}

std::optional<RunRequest> container_request(const Environment & variables, const Environment & own) {
    const auto tag = variables("SHIFTER_IMAGE");
    const auto type = variables("SHIFTER_IMAGETYPE");
    if (!tag || !type || tag->empty() || type->empty()) return std::nullopt;
    const auto image = ImageRequest::from_parts(*type, *tag).value_or_throw("cannot use the image of this job");
    std::optional<RequestedImage> found;
    if (image.type == ImageType::id)
        found = own_image(ImageId::parse(image.tag).value_or_throw("cannot use the image of this job"), variables, own);
    else if (image.type == ImageType::local && image.tag.front() == '/')
        found = LocalImage{image.tag};
    if (!found)
        throw Error{"cannot use the image " + image.to_string() +
                    " of this job: it was not looked up when the job was submitted; name it by its id"};
    RunRequest request{.image = *std::move(found)};
    request.image_request = variables("SHIFTER_IMAGEREQUEST").value_or("");
    request.volumes = variables(volume_variable).value_or("");
    request.modules = variables(module_variable);
    if (const auto path = own(workdir_variable)) {
        request.workdir.given = true;
        if (!path->empty()) request.workdir.value = *path;
    }
    if (const auto command = own(entrypoint_variable)) {
        request.entrypoint.given = true;
        if (!command->empty()) request.entrypoint.value = *command;
    }
    if (const auto lines = own(env_variable); lines && !lines->empty())
        for (const std::string_view line : text::split(*lines, '\n')) request.environment.emplace_back(line);
    return request;
}

namespace {

FixedImage image_of(const RunRequest & request) {
    const auto * const id = std::get_if<ImageId>(&request.image);
    return {id != nullptr ? ImageType::id : ImageType::local,
            id != nullptr ? id->to_string() : std::get<LocalImage>(request.image).path,
            request.image_request,
            {}};
}

} // namespace

std::vector<Variable> image_variables(const RunRequest & request) { return image_variables(image_of(request)); }

void note_job(const JobOnNode & job, const std::optional<JobRequest> & request) {
    JobNotes::remove(job);
    if (!request) return;
    const JobNotes notes = JobNotes::make(job);
    notes.write(request_note, encode(request->request));
    if (request->run) notes.write(run_note, "");
    if (request->first_image) notes.write(first_image_note, *request->first_image);
    if (!request->hosts.empty()) notes.write(hosts_note, request->hosts);
    if (!request->ssh_keys.empty()) notes.write(ssh_note, request->ssh_keys);
    notes.write(privileged::preparing_note, "");
}

std::optional<JobRequest> noted_request(const JobOnNode & job) {
    const auto notes = JobNotes::find(job);
    const auto text = notes ? notes->read(request_note) : std::nullopt;
    if (!text) return std::nullopt;
    return JobRequest{decode(*text).value_or_throw("cannot read what the job asked for"), notes->has(run_note),
                      notes->read(first_image_note), notes->read(hosts_note).value_or(""),
                      notes->read(ssh_note).value_or("")};
}

void note_unusable(const JobOnNode & job, const UnusableImage & image) {
    JobNotes::remove(job);
    const JobNotes notes = JobNotes::make(job);
    notes.write(unusable_note, text::join(image.variables, "\n"));
    if (image.run) notes.write(run_note, "");
    if (image.first_image) notes.write(first_image_note, *image.first_image);
}

std::optional<UnusableImage> noted_unusable(const JobOnNode & job) {
    const auto notes = JobNotes::find(job);
    const auto lines = notes ? notes->read(unusable_note) : std::nullopt;
    if (!lines) return std::nullopt;
    UnusableImage image{.run = notes->has(run_note), .first_image = notes->read(first_image_note)};
    for (const std::string_view line : text::split(*lines, '\n')) image.variables.emplace_back(line);
    return image;
}

std::optional<std::string> noted_failure(const JobOnNode & job) {
    const auto notes = JobNotes::find(job);
    return notes ? notes->read(failure_note) : std::nullopt;
}

JobRoot make_job_root(const JobOnNode & job, const Identity & user, const RunRequest & request, const SiteConfig & site,
                      bool with_ssh) {
    const auto notes = JobNotes::find(job);
    const std::string hosts = notes ? notes->read(hosts_note).value_or("") : "";
    UniqueFd mount_namespace;
    int why = 0;
    const auto take_over = [&](pid_t pid, const std::string & out) {
        if (out.size() < answer_end.size() || !std::string_view{out}.ends_with(answer_end)) return false;
        mount_namespace.reset(::open(("/proc/" + std::to_string(pid) + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
        why = errno;
        return true;
    };
    const ChildResult done = run_child(setup_command(job, user, request, hosts, with_ssh),
                                       site.launch_timeout + std::chrono::seconds{5}, take_over);
    if (done.wait_status != 0) {
        const auto lines = lines_of(done.err, "setupRoot: ");
        throw Error{lines.empty() ? "setupRoot ended with " + describe_end(done.wait_status) : text::join(lines, "; ")};
    }
    if (!mount_namespace) throw SysError{why, "cannot take over the root that setupRoot has made"};
    const std::string_view record{done.out.data(), done.out.size() - answer_end.size() + 1};
    return {std::move(mount_namespace),
            parse_image_record(record).value_or_throw("cannot read the image's record from setupRoot")};
}

std::optional<JobRoot> prepare_noted_root(const JobOnNode & job, const Identity & user, const SiteConfig & site) {
    const auto notes = JobNotes::find(job);
    const auto noted = noted_request(job);
    if (!notes || !noted) return std::nullopt;
    std::optional<JobRoot> held;
    try {
        JobRoot root = make_job_root(job, user, noted->request, site, !noted->ssh_keys.empty());
        const std::string handle = "fd/" + std::to_string(root.mount_namespace.get());
        notes->write(privileged::root_note,
                     privileged::job_root_note(handle, root.mount_namespace.get(),
                                               privileged::job_root_key(user, noted->request, site), root.record));
        held = std::move(root);
    } catch (const Error & error) {
        // The user hears of it from the first command that wants to be in the container.
        notes->write(failure_note, error.what());
    }
    notes->remove(privileged::preparing_note);
    return held;
}

void write_comment(const JobOnNode & job, const std::string & field, const RunRequest & request) {
    constexpr std::chrono::seconds limit{10};
    const ChildResult done = run_child(
        {SHIFTER_SCONTROL, "update", "JobId=" + job.job(), field + "=shifter " + image_of(request).option_text()},
        limit);
    if (done.wait_status != 0)
        throw Error{"cannot write the image into the record of job " + job.job() + ": " +
                    text::join(lines_of(done.err + done.out, "scontrol: "), "; ")};
}

void note_root_of_step(const JobOnNode & job) noexcept {
    try {
        (void)JobNotes::make(job);
    } catch (const std::exception &) {
        // The step has its root all the same; what it leaves there is Slurm's to end.
    }
}

std::size_t forget_job(const JobOnNode & job, uid_t uid, bool had_image) {
    // With an image also without notes: the late epilog of a requeued job's first run may have removed those of its
    // second.
    if (!had_image && !JobNotes::find(job)) return 0;
    const std::size_t ended = privileged::end_processes_in_root(job, uid);
    JobNotes::remove(job);
    return ended;
}

} // namespace shifter::slurm_plugin
