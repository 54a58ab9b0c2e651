// pull and pullnb: ask, and watch. Contract 9.3.
#include "client/credential_file.hpp"
#include "client/format.hpp"
#include "client/modes.hpp"

#include <algorithm>
#include <functional>
#include <ostream>

namespace shifter::client {
namespace {

using Clock = std::chrono::system_clock;

/** The lines that tell how a pull goes: for scripts, for a terminal, or for a batch job's log. */
class Watch {
public:
    Watch(const Command & command, std::string image) : command_{command}, image_{std::move(image)} {}

    void show(const ImageInfo & info) {
        const bool is_final = !is_under_way(info.status);
        const auto now = command_.around.now();
        std::ostream & out = command_.around.io.out;
        const std::string line = status_line(now, image_, info.status);
        if (command_.options.verbose) {
            out << line << '\n';
            if (is_final) out << '\n';
        } else if (command_.around.io.out_is_terminal) {
            std::string details = is_final ? "" : progress_words(info.bytes_done, info.bytes_total, rate(info, now));
            // A line that wraps could not be drawn over. The contract's words stay whole.
            const std::size_t room =
                command_.around.io.columns > line.size() + 1 ? command_.around.io.columns - line.size() - 1 : 0;
            details.resize(std::min(details.size(), room));
            out << "\r\x1b[2K" << line << details;
            if (is_final) out << '\n';
        } else if (info.status != shown_) {
            out << line << '\n';
        }
        shown_ = info.status;
        out << std::flush;
    }

    /** Ends a line that was being drawn, before something else is said. */
    void leave() const {
        if (command_.around.io.out_is_terminal && !command_.options.verbose && !shown_.empty())
            command_.around.io.out << '\n' << std::flush;
    }

private:
    /** Bytes per second over the last few seconds. */
    double rate(const ImageInfo & info, Clock::time_point now) {
        if (!have_mark_ || info.bytes_done < mark_bytes_) {
            have_mark_ = true;
            mark_ = now;
            mark_bytes_ = info.bytes_done;
            return 0;
        }
        const double seconds = std::chrono::duration<double>(now - mark_).count();
        if (seconds < 0.2) return rate_;
        const double measured = static_cast<double>(info.bytes_done - mark_bytes_) / seconds;
        rate_ = rate_ > 0 ? 0.7 * rate_ + 0.3 * measured : measured;
        mark_ = now;
        mark_bytes_ = info.bytes_done;
        return rate_;
    }

    const Command & command_;
    std::string image_;
    std::string shown_;
    bool have_mark_ = false;
    Clock::time_point mark_;
    std::uint64_t mark_bytes_ = 0;
    double rate_ = 0;
};

/** One POST, with what this person may show to registries. */
class Asker {
public:
    explicit Asker(const Command & command)
        : command_{command}, image_{named_image(command)}, client_{command.site, command.around},
          body_{pull_body(command.options.users, command.options.groups)} {
        if (!command.around.home.empty())
            locations_ = CredentialFile{command.around.home}.load(command.site.system, command.around.unseal);
    }

    [[nodiscard]] const ImageRequest & image() const { return image_; }

    [[nodiscard]] ImageInfo ask() {
        try {
            const std::string answer = client_.post("pull", image_, body_, locations_);
            show_message(command_, answer);
            return parse_image_info(answer);
        } catch (const NoGateway & refusal) {
            show_refusal(command_, refusal);
            throw;
        }
    }

private:
    const Command & command_;
    ImageRequest image_;
    GatewayClient client_;
    std::string body_;
    auth::AuthorizedLocations locations_;
};

/** The gateway's reasons mostly say themselves what could not be done; once is enough. */
int with_pull_context(const ImageRequest & image, const std::function<int()> & action) {
    try {
        return action();
    } catch (const std::exception & error) {
        const std::string_view sentence = error.what();
        const bool is_whole = sentence.substr(0, 12) == "cannot pull ";
        throw Error{is_whole ? std::string{sentence}
                             : "cannot pull " + image.to_string() + ": " + std::string{sentence}};
    }
}

int conclude(const ImageInfo & info) {
    if (info.status == "READY") return 0;
    throw Error{info.status_message.empty() ? "the gateway says " + info.status : info.status_message};
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

/** Small images are there at once; for the others, half a second is how often a person looks. */
std::chrono::milliseconds next_delay(unsigned polls) {
    return std::chrono::milliseconds{std::min(100U * (polls + 1), 500U)};
}

} // namespace

int pull(const Command & command) {
    Asker asker{command};
    return with_pull_context(asker.image(), [&] {
        Watch watch{command, asker.image().to_string()};
        ImageInfo info = asker.ask();
        const Clock::time_point begun = command.around.now();
        Clock::time_point heard = begun;
        const auto waits_for_readers = [&] {
            return lacks_readers(info, command.options) && command.around.now() - begun < readers_patience;
        };
        for (unsigned polls = 0; is_under_way(info.status) || waits_for_readers(); ++polls) {
            command.around.sleep(next_delay(polls));
            try {
                info = asker.ask();
                heard = command.around.now();
                if (is_under_way(info.status)) watch.show(info);
            } catch (const NoGateway & lost) {
                const bool may_return = !lost.answered() || lost.status() >= 500;
                if (!may_return || command.around.now() - heard > patience) {
                    watch.leave();
                    throw Error{"the gateway was lost while the pull was under way: " + std::string{lost.what()}};
                }
                command.around.sleep(std::chrono::seconds{1});
            }
        }
        watch.show(info);
        if (lacks_readers(info, command.options))
            throw Error{"the image is there, but the gateway did not let its new readers in; try again in a while"};
        if (info.status == "READY" && !info.is_private &&
            !(command.options.users.empty() && command.options.groups.empty()))
            command.around.io.err << "shifterimg: " << asker.image().to_string()
                                  << " is public: everybody may use it, and --user and --group change nothing\n";
        return conclude(info);
    });
}

int pull_without_waiting(const Command & command) {
    Asker asker{command};
    return with_pull_context(asker.image(), [&] {
        const ImageInfo info = asker.ask();
        std::ostream & out = command.around.io.out;
        out << status_line(command.around.now(), asker.image().to_string(), info.status) << '\n';
        if (is_under_way(info.status)) return 0;
        if (command.options.verbose) out << '\n';
        return conclude(info);
    });
}

} // namespace shifter::client
