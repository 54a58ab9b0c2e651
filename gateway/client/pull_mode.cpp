// pull and pullnb: ask, and watch. Contract 9.3.
#include "client/credential_file.hpp"
#include "client/format.hpp"
#include "client/json_output.hpp"
#include "client/login_sources.hpp"
#include "client/modes.hpp"
#include "client/progress_view.hpp"

#include <algorithm>
#include <map>
#include <ostream>

namespace shifter::client {
namespace {

using Clock = std::chrono::system_clock;

/** One pull, as this person asks for it and sees it. */
struct Pulling {
    ImageRequest image;
    std::string name; ///< with its type
    ImageInfo info = {};
    Clock::time_point heard = {}; ///< when the gateway answered last
    bool is_taken = false;        ///< the gateway has answered at least once
    bool is_over = false;
    std::string error = {};
    Cause cause = Cause::failed;
    RateMeter rate = {};
    LayerLines layers = {};
    std::string shown = {}; ///< the state that was shown last
};

/** The gateway's reasons mostly say themselves what could not be done; once is enough. */
std::string with_pull_context(const std::string & name, std::string_view sentence) {
    if (sentence.substr(0, 12) == "cannot pull ") return std::string{sentence};
    return "cannot pull " + name + ": " + std::string{sentence};
}

bool holds_all(const std::vector<std::uint32_t> & there, const std::vector<std::uint32_t> & wanted) {
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](std::uint32_t each) { return std::find(there.begin(), there.end(), each) != there.end(); });
}

/** Whether a private image is there, and the readers whom the person named are not yet let in. */
bool lacks_readers(const ImageInfo & info, const Options & options) {
    return info.status == "READY" && info.is_private &&
           !(holds_all(info.users, options.users) && holds_all(info.groups, options.groups));
}

/** A gateway looks at changed readers when the last pull is some seconds old (contract 7.5): asked again till then. */
constexpr std::chrono::seconds readers_patience{20};

/** A gateway that restarts takes its pulls up again (R2): its absence is waited out for this long. */
constexpr std::chrono::seconds patience{30};

/** Nobody waits much longer than the pull takes, by a thirty-second part at most, and long pulls are asked about but once a
 * second. */
std::chrono::milliseconds next_delay(Clock::duration since_begin) {
    const auto share = std::chrono::duration_cast<std::chrono::milliseconds>(since_begin / 32);
    return std::clamp(share, std::chrono::milliseconds{100}, std::chrono::milliseconds{1000});
}

/** The lines that tell how pulls go: for scripts, for a terminal, or for a batch job's log. */
class Watch {
public:
    explicit Watch(const Command & command)
        : command_{command}, screen_{command.around.io.out, command.around.io.columns} {}

    /** `pull` has news; `all` are drawn where lines can be drawn over. */
    void show(Pulling & pull, std::vector<Pulling> & all) {
        if (command_.options.json) return;
        const bool is_final = !is_under_way(pull.info.status);
        const auto now = command_.around.now();
        std::ostream & out = command_.around.io.out;
        const std::string line = status_line(now, pull.name, pull.info.status);
        if (command_.options.verbose) {
            out << line << '\n';
            if (is_final) out << '\n';
        } else if (command_.around.io.out_is_terminal) {
            pull.shown = pull.info.status;
            draw(all, now);
        } else if (pull.info.status != pull.shown) {
            out << line << '\n';
        }
        pull.shown = pull.info.status;
        out << std::flush;
    }

    /** Ends lines that were being drawn, before something else is said. */
    void leave() { screen_.leave(); }

private:
    void draw(std::vector<Pulling> & all, Clock::time_point now) {
        // Every pull has its line; what is left of the terminal is for layers.
        std::size_t room = command_.around.io.rows > all.size() + 1 ? command_.around.io.rows - all.size() - 1 : 0;
        std::vector<std::string> lines;
        for (Pulling & pull : all) {
            if (pull.shown.empty()) continue;
            std::string line = status_line(now, pull.name, pull.info.status);
            if (is_under_way(pull.info.status))
                line += progress_words(pull.info.bytes_done, pull.info.bytes_total,
                                       pull.rate.update(pull.info.bytes_done, now));
            lines.push_back(std::move(line));
            if (!is_under_way(pull.info.status) || pull.info.layers.empty()) continue;
            const auto layers = pull.layers.draw(pull.info.layers, now, std::min<std::size_t>(room, most_layers));
            room -= std::min(room, layers.size());
            lines.insert(lines.end(), layers.begin(), layers.end());
        }
        screen_.draw(lines);
    }

    static constexpr std::size_t most_layers = 12;
    const Command & command_;
    Screen screen_;
};

/** Asks for images with what this person may show to registries. */
class Asker {
public:
    explicit Asker(const Command & command)
        : command_{command}, client_{command.site, command.around, command.options.platform},
          body_{pull_body(command.options.users, command.options.groups)} {
        if (!command.around.home.empty())
            locations_ = CredentialFile{command.around.home}.load(command.site.system, command.around.unseal);
    }

    void ask(Pulling & pull) {
        look_for_login(pull.image);
        try {
            const std::string answer = client_.post("pull", pull.image, body_, locations_);
            show_message(command_, answer);
            pull.info = parse_image_info(answer);
            pull.heard = command_.around.now();
            pull.is_taken = true;
        } catch (const NoGateway & refusal) {
            show_refusal(command_, refusal);
            throw;
        }
    }

    /** Why a login of another program is not used, as the end of a sentence; mostly empty. */
    [[nodiscard]] std::string obstacle(const ImageRequest & image) const {
        const auto found = obstacles_.find(registry_of(image.tag));
        return found == obstacles_.end() || found->second.empty() ? "" : " (" + found->second + ")";
    }

private:
    /** What other programs have stored, once for each registry, and only where shifterimg has nothing. */
    void look_for_login(const ImageRequest & image) {
        const std::string registry = registry_of(image.tag);
        const bool has_own =
            locations_.count(registry) > 0 || (registry == "docker.io" && locations_.count("default") > 0);
        if (has_own || obstacles_.count(registry) > 0) return;
        FoundLogin found = find_login(command_.around.home, registry);
        if (found.login) locations_[registry] = *std::move(found.login);
        obstacles_[registry] = std::move(found.obstacle);
    }

    const Command & command_;
    GatewayClient client_;
    std::string body_;
    auth::AuthorizedLocations locations_;
    std::map<std::string, std::string> obstacles_; ///< by registry
};

/** All pulls of one command, from the first request to the last end. */
class PullCommand {
public:
    PullCommand(const Command & command, std::vector<Pulling> pulls)
        : command_{command}, asker_{command}, watch_{command}, pulls_{std::move(pulls)}, begun_{command.around.now()} {}

    void run() {
        for (Pulling & pull : pulls_) begin(pull);
        while (anybody_waits()) {
            command_.around.sleep(next_delay(command_.around.now() - begun_));
            for (Pulling & pull : pulls_)
                if (!pull.is_over) poll(pull);
            stop_if_interrupted();
        }
        watch_.leave();
    }

    /** The exit status. Of several that failed, all but the last are told here. @throws Failure, the last */
    int conclude() {
        std::vector<const Pulling *> failed;
        for (const Pulling & pull : pulls_)
            if (!pull.error.empty()) failed.push_back(&pull);
        if (command_.options.json) {
            std::vector<json::PullEnd> ends;
            for (const Pulling & pull : pulls_) ends.push_back({pull.name, pull.info, pull.error, pull.cause});
            show_json(command_, json::pulls(ends));
            for (const Pulling * pull : failed) command_.around.io.err << "shifterimg: " << pull->error << '\n';
            return failed.empty() ? 0 : facts_of(failed.front()->cause).status;
        }
        if (failed.empty()) return 0;
        for (std::size_t i = 0; i + 1 < failed.size(); ++i)
            command_.around.io.err << "shifterimg: " << failed[i]->error << '\n';
        throw Failure{failed.back()->cause, failed.back()->error};
    }

private:
    void begin(Pulling & pull) {
        try {
            asker_.ask(pull);
        } catch (const std::exception & error) {
            stop_if_interrupted();
            end(pull, cause_of(error), error.what());
            return;
        }
        stop_if_interrupted();
        if (!waits(pull)) finish(pull);
    }

    void poll(Pulling & pull) {
        try {
            asker_.ask(pull);
        } catch (const NoGateway & lost) {
            stop_if_interrupted();
            const bool may_return = !lost.answered() || lost.status() >= 500;
            if (may_return && command_.around.now() - pull.heard <= patience) {
                command_.around.sleep(std::chrono::seconds{1});
                return;
            }
            return end(pull, lost.cause(),
                       "the gateway was lost while the pull was under way: " + std::string{lost.what()});
        } catch (const std::exception & error) {
            return end(pull, cause_of(error), error.what());
        }
        if (!waits(pull)) return finish(pull);
        if (is_under_way(pull.info.status)) watch_.show(pull, pulls_);
    }

    [[nodiscard]] bool waits(const Pulling & pull) const {
        if (is_under_way(pull.info.status)) return true;
        return lacks_readers(pull.info, command_.options) && command_.around.now() - begun_ < readers_patience;
    }

    [[nodiscard]] bool anybody_waits() const {
        return std::any_of(pulls_.begin(), pulls_.end(), [](const Pulling & pull) { return !pull.is_over; });
    }

    void end(Pulling & pull, Cause cause, const std::string & sentence) {
        pull.is_over = true;
        pull.cause = cause;
        pull.error = with_pull_context(pull.name, sentence) + asker_.obstacle(pull.image);
        if (pull.info.status == "READY") pull.info.status = "FAILURE"; // it is not what was asked for
    }

    void finish(Pulling & pull) {
        pull.is_over = true;
        watch_.show(pull, pulls_);
        const Options & options = command_.options;
        if (lacks_readers(pull.info, options))
            return end(pull, Cause::refused,
                       "the image is there, but the gateway did not let its new readers in; try again in a while");
        if (pull.info.status != "READY")
            return end(pull, Cause::failed,
                       pull.info.status_message.empty() ? "the gateway says " + pull.info.status
                                                        : pull.info.status_message);
        if (!pull.info.is_private && !(options.users.empty() && options.groups.empty())) {
            watch_.leave();
            command_.around.io.err << "shifterimg: " << pull.name
                                   << " is public: everybody may use it, and --user and --group change nothing\n";
        }
    }

    void stop_if_interrupted() {
        if (!command_.around.interrupted || !command_.around.interrupted()) return;
        watch_.leave();
        std::string names;
        for (const Pulling & pull : pulls_)
            if (!pull.is_over && pull.is_taken) names += (names.empty() ? "" : ", ") + pull.name;
        if (names.empty()) throw Failure{Cause::interrupted, "interrupted"};
        throw Failure{Cause::interrupted,
                      "interrupted; the gateway goes on pulling " + names + ": the same command shows how far it is"};
    }

    const Command & command_;
    Asker asker_;
    Watch watch_;
    std::vector<Pulling> pulls_;
    Clock::time_point begun_;
};

/** What the command names, each once. */
std::vector<Pulling> named_pulls(const Command & command) {
    std::vector<Pulling> pulls;
    for (const std::string & text : command.options.arguments) {
        const ImageRequest image = parse_image(command, text);
        const std::string name = image.to_string();
        if (std::none_of(pulls.begin(), pulls.end(), [&](const Pulling & each) { return each.name == name; }))
            pulls.push_back({.image = image, .name = name});
    }
    return pulls;
}

} // namespace

int pull(const Command & command) {
    PullCommand pulls{command, named_pulls(command)};
    if (command.around.watch_interrupts) command.around.watch_interrupts();
    pulls.run();
    return pulls.conclude();
}

int pull_without_waiting(const Command & command) {
    Pulling pull{.image = named_image(command), .name = named_image(command).to_string()};
    Asker asker{command};
    try {
        asker.ask(pull);
    } catch (const std::exception & error) {
        throw Failure{cause_of(error), with_pull_context(pull.name, error.what())};
    }
    const bool is_final = !is_under_way(pull.info.status);
    if (is_final && pull.info.status != "READY")
        pull.error =
            with_pull_context(pull.name, pull.info.status_message.empty() ? "the gateway says " + pull.info.status
                                                                          : pull.info.status_message);
    std::ostream & out = command.around.io.out;
    if (command.options.json) {
        show_json(command, json::pulls({{pull.name, pull.info, pull.error, Cause::failed}}));
        if (pull.error.empty()) return 0;
        command.around.io.err << "shifterimg: " << pull.error << '\n';
        return facts_of(Cause::failed).status;
    }
    out << status_line(command.around.now(), pull.name, pull.info.status) << '\n';
    if (is_final && command.options.verbose) out << '\n';
    if (!pull.error.empty()) throw Failure{Cause::failed, pull.error};
    return 0;
}

} // namespace shifter::client
