#include "pull/pull_queue.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "catalog/counters.hpp"
#include "catalog/log_field.hpp"
#include "pull/askers.hpp"
#include "pull/clock.hpp"
#include "pull/credentials.hpp"
#include "pull/endings.hpp"
#include "pull/job_lines.hpp"
#include "pull/login_box.hpp"
#include "pull/platforms.hpp"
#include "pull/source.hpp"
#include "pull/unpacked_tree.hpp"
#include "pull/worker_name.hpp"

#include <algorithm>
#include <thread>

namespace shifter::pull {

namespace {

using namespace std::chrono_literals;
using catalog::Enqueued;
using catalog::Pull;
using catalog::PullRequest;
using SteadyClock = std::chrono::steady_clock;

constexpr unsigned resolvers = 8; // they wait for registries, not for cores
constexpr std::size_t most_pulls = 10'000;
constexpr auto report_interval = 250ms;
constexpr std::chrono::milliseconds longest_beat_interval = 10s;

} // namespace

class PullQueue::Impl {
public:
    Impl(const GatewaySettings & settings, catalog::Catalog & catalog)
        : settings_{settings}, catalog_{catalog}, worker_{name_of_process(worker_name(settings.worker_name))} {
        const LayerCacheSettings & cache = settings.layer_cache;
        if (cache.max_bytes != 0 && !cache.directory.empty())
            layer_cache_.emplace(cache.directory, cache.max_bytes, settings.squash, settings.unpack_limits);
        for (const auto & [name, system] : settings.systems) {
            if (const unsigned removed = catalog::Publisher{system.storage}.clean(); removed > 0) {
                log::info("event=cleaned system=" + name + " removed " + std::to_string(removed) +
                          " leftovers of stopped pulls");
            }
        }
        UnpackedTree::remove_leftovers(settings.cache_directory);
        if (const unsigned again = catalog.recover(worker_name(settings.worker_name), now()); again > 0)
            log::info("event=recovered " + std::to_string(again) + " pulls queued again");
        threads_.emplace_back([this] { dispatch(); });
        if (!settings.converts) return;
        for (unsigned i = 0; i < resolvers; ++i) threads_.emplace_back([this] { resolve_jobs(); });
        for (unsigned i = 0; i < std::max(1U, settings.worker_threads); ++i)
            threads_.emplace_back([this] { convert_jobs(UINT64_MAX); });
        // A small pull takes a moment; behind large ones it would wait for minutes.
        if (settings.small_pull_bytes > 0) threads_.emplace_back([this] { convert_jobs(settings_.small_pull_bytes); });
    }

    ~Impl() {
        stop_.request_stop();
        lines_.wake();
        threads_.clear(); // joins
        try {
            (void)catalog_.recover(worker_, now());
        } catch (const std::exception & error) {
            log::warning(std::string{"event=trouble pulls on their way are queued again at the next start: "} +
                         error.what());
        }
    }
    Impl(const Impl &) = delete;
    Impl & operator=(const Impl &) = delete;

    Enqueued submit(PullRequest request, std::optional<registry::Credentials> credentials, MakeOrigin origin = {}) {
        if (origin) request.home = worker_;
        if (credentials && settings_.shares_catalog)
            request.sealed_login = seal_login(settings_, request.key, *credentials);
        const std::lock_guard entry{entry_}; // a pull is not claimed before its credentials are here
        auto answer = catalog_.enqueue(request, settings_.pull_policy, now());
        if (is_damaged(answer, request.key.tag)) { // R1: whoever asks for it repairs it
            request.image_is_damaged = true;
            answer = catalog_.enqueue(request, settings_.pull_policy, now());
        }
        const Pull * pull = std::get_if<Pull>(&answer.what);
        if (pull != nullptr && !pull->ended) {
            askers_.join(pull->number, {std::move(request), std::move(credentials), std::move(origin)});
            if (answer.is_new) lines_.wake();
        }
        return answer;
    }

    [[nodiscard]] const GatewaySettings & settings() const noexcept { return settings_; }

    void refuse_when_full() const {
        if (askers_.size() >= most_pulls) throw Error{"the gateway has too many pulls waiting; try again later"};
    }

private:
    /** Whether an image is the answer, and cannot be used, or not on the platform that was asked for. */
    [[nodiscard]] bool is_damaged(const Enqueued & answer, const std::string & stored_tag) const {
        const auto * image = std::get_if<catalog::Image>(&answer.what);
        if (image == nullptr) return false;
        const auto system = settings_.systems.find(image->system);
        if (system == settings_.systems.end()) return false;
        return !catalog::Publisher{system->second.storage}.is_whole(image->id) ||
               !is_for_platform(system->second, *image, platform_of(system->second, stored_tag));
    }

    // The dispatcher: claims, reports, keeps the heart beating.

    void dispatch() {
        auto last_beat = SteadyClock::now();
        while (!stop_.stop_requested()) {
            if (settings_.converts) guarded("cannot claim pulls", [&] { claim_all(); });
            for (const Job & job : lines_.active()) {
                guarded("cannot report progress", [&] { job->report(); });
            }
            guarded("cannot record the end of a pull", [&] {
                // Who asked for a pull that goes on keeps his login here; forget_ended() sees to the rest.
                endings_.record(catalog_, [&](std::int64_t number) { forget(number); });
            });
            if (SteadyClock::now() - last_beat >= beat_interval_) {
                guarded("cannot write a heartbeat", [&] { catalog_.beat(worker_, now()); });
                guarded("cannot look for lost pulls", [&] { recover_lost(); });
                guarded("cannot look for pulls that have ended", [&] { forget_ended(); });
                last_beat = SteadyClock::now();
            }
            lines_.wait(report_interval);
        }
    }

    void recover_lost() {
        if (const unsigned again = catalog_.recover_lost(worker_, settings_.pull_lease, now()); again > 0)
            log::warning("event=recovered pulls=" + std::to_string(again) +
                         " reason=\"their gateway gave no sign of life\"");
    }

    /** Of pulls that another gateway has claimed, nobody tells us the end: their logins go, too. */
    void forget_ended() {
        std::vector<std::int64_t> numbers = askers_.pulls();
        for (const Job & job : lines_.active())
            numbers.erase(std::remove(numbers.begin(), numbers.end(), job->pull().number), numbers.end());
        for (const std::int64_t number : numbers) {
            if (const auto pull = catalog_.find_pull(number); !pull || pull->ended) forget(number);
        }
    }

    void claim_all() {
        while (!stop_.stop_requested()) {
            const std::lock_guard entry{entry_};
            if (lines_.are_full()) return;
            auto pull = catalog_.claim(worker_, now());
            if (!pull) return;
            begin(*std::move(pull));
        }
    }

    void begin(Pull pull) {
        const std::int64_t number = pull.number;
        std::optional<registry::Credentials> credentials;
        MakeOrigin origin;
        if (auto asker = askers_.find(number, pull.requester)) {
            credentials = std::move(asker->credentials);
            origin = std::move(asker->origin);
        }
        const catalog::Hold hold = pull.hold();
        try {
            if (!credentials && pull.has_credentials && settings_.shares_catalog)
                credentials = unseal_login(settings_, pull.key, catalog_.sealed_login(hold));
            const bool has_credentials = credentials.has_value();
            if (!origin && pull.key.type != ImageType::docker)
                throw Error{
                    "the gateway was restarted before the image was published, and what was sent is gone; send it "
                    "again"};
            if (!origin)
                origin = registry_origin(settings_, name_of(pull.key.tag), std::move(credentials),
                                         signature_policy_of(settings_, pull.key.system));
            const std::string_view other = split_tag(pull.key.tag).platform; // than the system's first
            log::info("event=begun pull=" + std::to_string(number) + log::field("image", name_of(pull.key.tag)) +
                      log::field("system", pull.key.system) +
                      (other.empty() ? "" : log::field("platform", std::string{other})) +
                      log::field("caller", pull.requester_name) + log::field("uid", std::to_string(pull.requester)));
            lines_.begin(std::make_shared<PullJob>(settings_, catalog_, std::move(pull), origin, has_credentials,
                                                   stop_.get_token(), layer_cache_ ? &*layer_cache_ : nullptr));
        } catch (const catalog::Unavailable & error) {
            end_with({hold, End::put_back, {log::one_line(error.what())}});
        } catch (const std::exception & error) { // the configuration has changed since it was queued
            end_with({hold, End::failure, {log::one_line(error.what()), false}});
        }
    }

    // The two kinds of workers.

    void resolve_jobs() {
        while (const Job job = lines_.next_to_resolve()) {
            const bool is_resolved = run(*job, [&] {
                job->resolve();
                if (job->needed_credentials() && job->pull().key.type == ImageType::docker)
                    send_others_their_own_way(*job);
            });
            lines_.resolved(job, is_resolved);
        }
    }

    /** @param most_bytes  pulls of larger layers are left to others */
    void convert_jobs(std::uint64_t most_bytes) {
        while (const Job job = lines_.next_to_convert(most_bytes)) {
            const auto began = SteadyClock::now();
            bool is_ours = true;
            const bool is_done = run(*job, [&] {
                is_ours = job->take_content();
                if (is_ours && !job->finish_if_published()) job->convert_and_publish();
            });
            if (is_done && is_ours) tell_of_image(*job, SteadyClock::now() - began);
            lines_.converted(job, is_done && !is_ours);
        }
    }

    void tell_of_image(const PullJob & job, SteadyClock::duration taken) {
        ++catalog::counters().pulls_ready;
        const std::string dropped = job.dropped() ? job.dropped()->sentence() : "";
        log::info("event=published pull=" + std::to_string(job.pull().number) +
                  log::field("system", job.pull().key.system) + " id=" + job.id().to_string() +
                  " ms=" + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(taken).count()) +
                  (dropped.empty() ? "" : log::field("dropped", dropped)));
        forget(job.pull().number);
    }

    /** A worker's loop catches here: a step that throws ends its pull, unless the service stops. */
    template <class Step> bool run(PullJob & job, Step step) {
        try {
            step();
            return true;
        } catch (const catalog::HoldLost & error) {
            end_with({job.pull().hold(), End::lost, {error.what()}});
        } catch (const catalog::Unavailable & error) {
            end_with({job.pull().hold(), End::put_back, {log::one_line(error.what())}});
        } catch (...) {
            const Failure failure = job.explain_failure();
            if (!stop_.stop_requested())
                end_with({job.pull().hold(), job.is_lost() ? End::lost : End::failure, failure});
        }
        return false;
    }

    /** The image is private: who waited with a login of his own gets a pull of his own (I31). */
    void send_others_their_own_way(const PullJob & job) {
        for (Asker & each : askers_.others_with_login(job.pull().number, job.pull().requester)) {
            try {
                (void)submit(std::move(each.request), std::move(each.credentials));
            } catch (const std::exception & error) { // theirs is no reason to fail this one; they ask again anyway
                log::warning("event=trouble pull=" + std::to_string(job.pull().number) +
                             " cannot queue it for another: " + error.what());
            }
        }
    }

    // Ends.

    void end_with(Ending ending) {
        lines_.retire(ending.hold);
        endings_.add(std::move(ending));
        lines_.wake();
    }

    /** The catalog knows its end: the credentials of those who have waited go. */
    void forget(std::int64_t number) {
        const std::lock_guard entry{entry_}; // after this, nobody can join it any more
        askers_.forget(number);
        lines_.retire(number);
    }

    /** The dispatcher goes on whatever the catalog says; it says so once a minute. */
    template <class Action> void guarded(const char * what, Action action) {
        try {
            action();
        } catch (const std::exception & error) {
            if (SteadyClock::now() - last_complaint_ < 1min) return;
            last_complaint_ = SteadyClock::now();
            log::error(std::string{"event=trouble "} + what + ": " + error.what());
        }
    }

    const GatewaySettings & settings_;
    catalog::Catalog & catalog_;
    const std::string worker_;
    /** Several of them in a lease: one that is late loses nothing. */
    const std::chrono::milliseconds beat_interval_ =
        std::min<std::chrono::milliseconds>(longest_beat_interval, settings_.pull_lease / 4);
    std::optional<squash::LayerCache> layer_cache_;
    std::stop_source stop_;

    std::mutex entry_; ///< a pull is not claimed or forgotten while somebody joins it
    Askers askers_;
    Endings endings_;
    JobLines lines_{stop_.get_token()};

    SteadyClock::time_point last_complaint_ = SteadyClock::now() - 1h; ///< the dispatcher's own
    std::vector<std::jthread> threads_;
};

PullQueue::PullQueue(const GatewaySettings & settings, catalog::Catalog & catalog)
    : impl_{std::make_unique<Impl>(settings, catalog)} {}
PullQueue::~PullQueue() = default;

Enqueued PullQueue::submit(const catalog::ImageKey & key, const auth::Caller & caller, const Acl & requested_acl) {
    const GatewaySettings & settings = impl_->settings();
    if (settings.systems.count(key.system) == 0) throw Error{"this gateway has no system " + quoted(key.system)};
    if (key.type != ImageType::docker)
        throw Error{"only images of type docker can be pulled, not " + std::string{to_string(key.type)}};
    impl_->refuse_when_full();
    PullRequest request;
    request.key = key;
    auto credentials =
        credentials_for(resolve_source(settings, name_of(key.tag)), caller.locations, settings.default_location);
    request.requester = caller.identity.uid;
    request.requester_name = caller.name;
    request.identity = caller.identity;
    request.requested_acl = requested_acl;
    request.has_credentials = credentials.has_value();
    request.credentials_mark = credentials_mark(credentials);
    return impl_->submit(std::move(request), std::move(credentials));
}

Enqueued PullQueue::submit_content(const catalog::ImageKey & key, const auth::Caller & caller,
                                   const Acl & requested_acl, MakeOrigin origin) {
    impl_->refuse_when_full();
    PullRequest request;
    request.key = key;
    request.requester = caller.identity.uid;
    request.requester_name = caller.name;
    request.identity = caller.identity;
    request.requested_acl = requested_acl;
    request.brings_content = true;
    return impl_->submit(std::move(request), std::nullopt, std::move(origin));
}

} // namespace shifter::pull
