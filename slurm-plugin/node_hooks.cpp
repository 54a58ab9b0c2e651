// On a node, as root: slurmd's prolog and epilog, and the step daemon. Contract 10.5 to 10.8. No hook fails here: that
// would drain the node for a user's mistake (R13). What goes wrong is told by the task, which alone may end.
#include "slurm-plugin/hooks.hpp"

#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/log.hpp"
#include "frontend/platform_images.hpp"
#include "privileged/privileges.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

namespace shifter::slurm_plugin {
namespace {

using privileged::JobOnNode;

constexpr std::uint32_t extern_step = 0xfffffffcU;
constexpr std::uint32_t first_special_step = 0xfffffff0U; ///< batch script, interactive, extern, …

template <class Value> Value item(spank_t spank, spank_item_t which, const char * what) {
    Value value{};
    if (const auto result = ::spank_get_item(spank, which, &value); result != ESPANK_SUCCESS)
        throw Error{std::string{"Slurm does not tell the "} + what + ": " + ::spank_strerror(result)};
    return value;
}

/** Slurm's word on which job this is, and the node's name, which slurmd gives its children. */
JobOnNode job_of(spank_t spank) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    const char * const node = std::getenv("SLURMD_NODENAME");
    return JobOnNode::make(std::to_string(item<std::uint32_t>(spank, S_JOB_ID, "job")), node == nullptr ? "" : node)
        .value_or_throw("cannot use the name of this job or node");
}

Identity user_of(spank_t spank) {
    gid_t * groups = nullptr;
    int count = 0;
    if (::spank_get_item(spank, S_JOB_SUPPLEMENTARY_GIDS, &groups, &count) != ESPANK_SUCCESS || count < 0)
        throw Error{"Slurm does not tell the user's groups"};
    Identity user{
        item<uid_t>(spank, S_JOB_UID, "user"), item<gid_t>(spank, S_JOB_GID, "group"), {groups, groups + count}};
    std::sort(user.groups.begin(), user.groups.end());
    user.groups.erase(std::unique(user.groups.begin(), user.groups.end()), user.groups.end());
    return user;
}

std::vector<std::string> environment_of(spank_t spank) {
    std::vector<std::string> variables;
    char ** const environment = item<char **>(spank, S_JOB_ENV, "environment");
    for (char ** entry = environment; entry != nullptr && *entry != nullptr; ++entry) variables.emplace_back(*entry);
    return variables;
}

/** What the submission gave to prologs and epilogs. */
std::optional<std::string> control_variable(const std::string & name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    const char * const value = std::getenv(("SPANK_" + name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

Environment lookup_in(const std::vector<std::string> & variables) {
    return [&variables](const std::string & name) -> std::optional<std::string> {
        for (const std::string & entry : variables)
            if (entry.compare(0, name.size(), name) == 0 && entry.size() > name.size() && entry[name.size()] == '=')
                return entry.substr(name.size() + 1);
        return std::nullopt;
    };
}

const SiteConfig & node_site() {
    State & s = state();
    if (!s.off.empty()) throw Error{"the plugin is off: " + s.off};
    if (!s.site) s.site = with_context("the plugin is off", [&] { return load_site_config(s.config.site_config); });
    return *s.site;
}

bool is_yes(const std::optional<std::string> & word, bool otherwise) {
    return word ? parse_run_option(*word).value_or(otherwise) : otherwise;
}

/** Nodes and processors of the job (of its component), as slurmd tells them to the prolog; empty where it does not. */
std::string nodes_of_job() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    const char * const list = std::getenv("SLURM_NODELIST");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    const char * const counts_text = std::getenv("SLURM_JOB_CPUS_PER_NODE");
    const auto counts = parse_counts(counts_text == nullptr ? "" : counts_text);
    if (list == nullptr || !counts) return {};
    std::vector<std::string> nodes;
    // No hostlist_t: it is a pointer in this release, and the struct in newer ones.
    auto * const hosts = ::slurm_hostlist_create(list);
    if (hosts == nullptr) return {};
    while (char * const node = ::slurm_hostlist_shift(hosts)) {
        nodes.emplace_back(node);
        std::free(node); // NOLINT(cppcoreguidelines-no-malloc): Slurm's malloc(3)
    }
    ::slurm_hostlist_destroy(hosts);
    return hosts_words(nodes, *counts);
}

std::vector<Variable> variables_of(const UnusableImage & image) {
    std::vector<Variable> variables;
    for (const std::string & line : image.variables) {
        const std::size_t end = line.find('=');
        variables.push_back({line.substr(0, end), line.substr(end + 1)});
    }
    return variables;
}

/** What the job's variables say of its image; nothing where that are not lines of text. */
UnusableImage unusable_image(const Environment & variable, bool run) {
    UnusableImage image{.run = run, .first_image = variable(first_image_variable)};
    for (const char * const name :
         {"SHIFTER_IMAGE", "SHIFTER_IMAGETYPE", "SHIFTER_IMAGEREQUEST", frontend::platform_images_variable})
        if (const auto value = variable(name); value && value->find('\n') == std::string::npos)
            image.variables.push_back(std::string{name} + "=" + *value);
    return image;
}

/** In a heterogeneous job the step's variables tell the first component's image: this component's takes its place. */
void use_image_of_component(spank_t spank, const JobOnNode & job) {
    const auto variables = environment_of(spank);
    const Environment find = lookup_in(variables);
    if (!find("SLURM_HET_SIZE") || find(std::string{"SLURM_SPANK_"} + step_image_variable)) return;
    const auto noted = noted_request(job);
    const auto unusable = noted ? std::nullopt : noted_unusable(job);
    const auto first = noted ? noted->first_image : unusable ? unusable->first_image : std::nullopt;
    const auto type = find("SHIFTER_IMAGETYPE");
    const auto tag = find("SHIFTER_IMAGE");
    if (!first || !type || !tag) return;
    const auto told = ImageRequest::from_parts(*type, *tag);
    if (!told || !is_image_of_first_component(*first, *told, find)) return;
    for (const Variable & variable : noted ? image_variables(noted->request) : variables_of(*unusable))
        for (const std::string & name : {variable.name, "SLURM_SPANK_" + variable.name})
            (void)::spank_setenv(spank, name.c_str(), variable.value.c_str(), 1);
}

/** Which container a step's tasks enter; nothing: none. */
std::optional<RunRequest> container_of_step(const JobOnNode & job, const std::vector<std::string> & variables) {
    const Environment find = lookup_in(variables);
    const State & s = state();
    const Environment own = [&find](const std::string & name) { return find("SLURM_SPANK_" + name); };
    const auto asked = s.step.run ? s.step.run : own(run_variable);
    if (find("SHIFTER_IMAGE") && find("SHIFTER_IMAGETYPE")) {
        if (!is_yes(asked, s.config.autorun)) return std::nullopt;
        return container_request(find, own);
    }
    // From outside of the job: srun --overlap --jobid=N lands where the job's own steps are.
    if (auto noted = noted_request(job))
        return is_yes(asked, noted->run) ? std::optional{std::move(noted->request)} : std::nullopt;
    const auto unusable = noted_unusable(job);
    if (!unusable || !is_yes(asked, unusable->run)) return std::nullopt;
    const Environment of_job = lookup_in(unusable->variables);
    return container_request(of_job, of_job); // which says why
}

/** The job's root, or one for this step alone: another image than the job's, or a cluster without extern steps. */
privileged::JobRoot root_for(const JobOnNode & job, const Identity & user, const RunRequest & request) {
    if (auto found = privileged::find_job_root(job, user, request, node_site())) return *std::move(found);
    note_root_of_step(job);
    return make_job_root(job, user, request, node_site());
}

void prepare_tasks(spank_t spank) {
    State & s = state();
    int count = 0;
    char ** words = nullptr;
    const bool told = ::spank_get_item(spank, S_JOB_ARGV, &count, &words) == ESPANK_SUCCESS && count > 0;
    if (told && calls_shifter(words[0])) return;
    const JobOnNode job = job_of(spank);
    const auto variables = environment_of(spank);
    try {
        const auto request = container_of_step(job, variables);
        if (!request) return;
        s.enters = true;
        const Identity user = user_of(spank);
        if (user.uid == 0 || user.gid == 0 ||
            std::find(user.groups.begin(), user.groups.end(), 0U) != user.groups.end())
            throw Error{"no container is for root, or for members of its group; run the command with srun shifter"};
        s.root = root_for(job, user, *request);
        s.task = plan_task(*request, s.root->record, node_site(), variables);
    } catch (const std::exception & error) {
        s.enters = true;
        s.failure = error.what();
    }
}

/** The job's user, as its root was made for: never of root's group. */
Identity owner_of_root(spank_t spank) {
    Identity user = user_of(spank);
    user.groups.erase(std::remove(user.groups.begin(), user.groups.end(), gid_t{0}), user.groups.end());
    return user;
}

/** What sessions of ssh find: what a command in the container would, and which job they are in. */
std::vector<std::string> environment_of_sessions(const JobOnNode & job, const RunRequest & request,
                                                 const ImageRecord & image) {
    std::vector<std::string> variables = {"SLURM_JOB_ID=" + job.job(), "SLURMD_NODENAME=" + job.node()};
    const TaskPlan plan = plan_task(request, image, node_site(), variables);
    for (const Variable & variable : plan.set) variables.push_back(variable.name + "=" + variable.value);
    return variables;
}

std::string replace_node(std::string address, const std::string & node) {
    if (const std::size_t at = address.find("%n"); at != std::string::npos) address.replace(at, 2, node);
    return address;
}

using StepdConnect = int (*)(const char *, const char *, slurm_step_id_t *, std::uint16_t *);
using StepdAddPid = int (*)(int, std::uint16_t, pid_t);

/**
 * Makes a process a part of this step, so that its cgroups are the step's, and Slurm ends it with the step. As
 * pam_slurm_adopt does it: by a message to the step daemon, here to ourselves. Not in Slurm's headers, but in all that
 * it loads plugins into.
 */
void add_to_step(spank_t spank, pid_t pid) {
    const auto connect_to = reinterpret_cast<StepdConnect>(::dlsym(RTLD_DEFAULT, "stepd_connect"));
    const auto add_pid = reinterpret_cast<StepdAddPid>(::dlsym(RTLD_DEFAULT, "stepd_add_extern_pid"));
    if (connect_to == nullptr || add_pid == nullptr) throw Error{"this Slurm cannot take sshd into a step"};
    slurm_step_id_t step{};
    step.job_id = item<std::uint32_t>(spank, S_JOB_ID, "job");
    step.step_id = extern_step;
    step.step_het_comp = NO_VAL;
    std::uint16_t version = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    const UniqueFd daemon{connect_to(nullptr, std::getenv("SLURMD_NODENAME"), &step, &version)};
    if (!daemon) throw Error{"the step's daemon does not answer, so sshd cannot become a part of the step"};
    if (add_pid(daemon.get(), version, pid) != SLURM_SUCCESS) throw Error{"Slurm does not take sshd into the step"};
}

/** Slurm executes shifter-task, by a descriptor that is gone then, in the place of the command's first word. */
void put_in_front(spank_t spank, TaskPlan & plan, std::string & program) {
    const std::string path = std::string{installed::prefix} + "/libexec/shifter/shifter-task";
    const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    if (fd < 0) throw SysError{errno, "cannot open " + path};
    int count = 0;
    char ** words = nullptr;
    if (::spank_get_item(spank, S_JOB_ARGV, &count, &words) != ESPANK_SUCCESS || count < 1)
        throw Error{"Slurm does not tell the command of this task"};
    plan.set.push_back({"SHIFTER_TASK_START", encode_start(plan, words[0])});
    program = "/proc/self/fd/" + std::to_string(fd);
    words[0] = program.data();
}

} // namespace

void job_arrives(spank_t spank) {
    const JobOnNode job = job_of(spank);
    const Environment variable = control_variable;
    const bool run = is_yes(variable(run_variable), state().config.autorun);
    std::optional<JobRequest> noted;
    try {
        if (auto request = container_request(variable, variable))
            noted = JobRequest{*std::move(request), run, variable(first_image_variable), nodes_of_job(),
                               state().config.sshd ? variable(ssh_keys_variable).value_or("") : ""};
    } catch (const Error & error) {
        // Nothing for this node's platform, or text that no submission lets through. The job's commands will say so.
        ::slurm_info("shifter: job %s: %s", job.job().c_str(), log::one_line(error.what()).c_str());
        return note_unusable(job, unusable_image(variable, run));
    }
    note_job(job, noted);
}

void job_leaves(spank_t spank) {
    const JobOnNode job = job_of(spank);
    const bool had_image = control_variable("SHIFTER_IMAGE").has_value();
    if (const std::size_t ended = forget_job(job, item<uid_t>(spank, S_JOB_UID, "user"), had_image); ended > 0)
        ::slurm_info("shifter: job %s left %zu processes in its container; they were ended", job.job().c_str(), ended);
}

void step_begins(spank_t spank) {
    const auto step = item<std::uint32_t>(spank, S_JOB_STEPID, "step");
    if (step == extern_step) {
        const JobOnNode job = job_of(spank);
        const auto noted = noted_request(job);
        if (!noted) return;
        state().held_root = prepare_noted_root(job, owner_of_root(spank), node_site());
        if (const auto why = noted_failure(job))
            ::slurm_info("shifter: job %s: %s", job.job().c_str(), log::one_line(*why).c_str());
        // Once for a job, whatever the number of its nodes.
        if (const std::string & field = state().config.comment_field;
            !field.empty() && item<std::uint32_t>(spank, S_JOB_NODEID, "node's number") == 0)
            write_comment(job, field, noted->request);
        return;
    }
    const auto variables = environment_of(spank);
    for (const Variable & variable : step_variables(lookup_in(variables), state().step))
        (void)::spank_setenv(spank, variable.name.c_str(), variable.value.c_str(), 1); // the step does without, then
    const auto with_image = environment_of(spank);
    if (const auto own = image_of_this_node(lookup_in(with_image)))
        (void)::spank_setenv(spank, own->name.c_str(), own->value.c_str(), 1);
    if (step >= first_special_step) return;
    use_image_of_component(spank, job_of(spank));
    prepare_tasks(spank);
}

void extern_step_runs(spank_t spank) {
    const State & s = state();
    if (!s.held_root || !s.config.sshd || item<std::uint32_t>(spank, S_JOB_STEPID, "step") != extern_step) return;
    const JobOnNode job = job_of(spank);
    const auto noted = noted_request(job);
    if (!noted || noted->ssh_keys.empty()) return;
    try {
        const Identity user = owner_of_root(spank);
        start_ssh_daemon({.mount_namespace = s.held_root->mount_namespace.get(),
                          .user = user,
                          .port = port_of_job(item<std::uint32_t>(spank, S_JOB_ID, "job"), s.config.first_sshd_port,
                                              s.config.last_sshd_port),
                          .address = replace_node(s.config.sshd_address, job.node()),
                          .keys = open_ssh_keys(noted->ssh_keys, user.uid),
                          .environment = environment_of_sessions(job, noted->request, s.held_root->record)},
                         [&](pid_t pid) { add_to_step(spank, pid); });
    } catch (const Error & error) {
        // The job goes on without (H10-6).
        throw Error{"no ssh into job " + job.job() + " on this node: " + error.what()};
    }
}

void task_enters(spank_t spank) {
    State & s = state();
    if (!s.enters) return;
    if (!s.failure.empty()) throw Error{s.failure};
    if (!s.task.before.empty() || !s.task.hooks.empty()) put_in_front(spank, s.task, s.task_program);
    for (const std::string & name : s.task.unset) (void)::spank_unsetenv(spank, name.c_str());
    for (const Variable & variable : s.task.set)
        if (const auto result = ::spank_setenv(spank, variable.name.c_str(), variable.value.c_str(), 1);
            result != ESPANK_SUCCESS)
            throw Error{"cannot set " + variable.name + " for the task: " + ::spank_strerror(result)};
    privileged::move_task_into(s.root->mount_namespace.get());
    s.root->mount_namespace.reset();
}

void task_starts(spank_t spank) {
    State & s = state();
    if (!s.enters) return;
    privileged::verify_given_up(user_of(spank));
    if (s.task.workdir && ::chdir(s.task.workdir->c_str()) != 0)
        say_error("cannot enter " + quoted(*s.task.workdir) + " in the container: " + describe_errno(errno));
}

} // namespace shifter::slurm_plugin
