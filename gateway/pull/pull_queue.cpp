#include "pull/pull_queue.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "catalog/counters.hpp"
#include "catalog/log_field.hpp"
#include "pull/clock.hpp"
#include "pull/credentials.hpp"
#include "pull/login_box.hpp"
#include "pull/pull_job.hpp"
#include "pull/unpacked_tree.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <set>
#include <thread>
#include <unistd.h>

namespace shifter::pull {

namespace {

using namespace std::chrono_literals;
using catalog::Enqueued;
using catalog::Pull;
using catalog::PullRequest;
using SteadyClock = std::chrono::steady_clock;

constexpr unsigned resolvers = 8;             // they wait for registries, not for cores
constexpr unsigned most_for_one_registry = 4; // R6: a dead registry keeps nobody else waiting
constexpr std::size_t most_waiting = 32;
constexpr std::size_t most_pulls = 10'000;
constexpr auto report_interval = 250ms;
constexpr std::chrono::milliseconds longest_beat_interval = 10s;

constexpr auto delay_of_busy_content = 500ms;

std::string worker_name(const GatewaySettings & settings) {
    if (!settings.worker_name.empty()) return settings.worker_name;
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) throw SysError{errno, "cannot get the name of this host"};
    return name.data();
}

/** The name with something of this process: one that has the same name by mistake does not keep our pulls alive. */
std::string name_of_process(const std::string & worker) {
    const auto since = std::chrono::system_clock::now().time_since_epoch().count();
    return worker + "/" + std::to_string(::getpid()) + "." + std::to_string(since);
}

/** What becomes of a pull that a step has thrown at us. */
enum class End {
    failure,  ///< it is over, and says why
    put_back, ///< the database or the storage was away: queued again
    lost,     ///< another worker has it: nothing is ours to say
};

struct Ending {
    catalog::Hold hold;
    End end = End::failure;
    Failure failure;
};

/** One who waits for a pull, with what he would need for one of his own. */
struct Asker {
    PullRequest request;
    std::optional<registry::Credentials> credentials;
    MakeOrigin origin = {}; ///< set when he brings the content himself
};

} // namespace

class PullQueue::Impl {
public:
    Impl(const GatewaySettings & settings, catalog::Catalog & catalog)
        : settings_{settings}, catalog_{catalog}, worker_{name_of_process(worker_name(settings))} {
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
        if (const unsigned again = catalog.recover(worker_name(settings), now()); again > 0)
            log::info("event=recovered " + std::to_string(again) + " pulls queued again");
        threads_.emplace_back([this] { dispatch(); });
        if (!settings.converts) return;
        for (unsigned i = 0; i < resolvers; ++i) threads_.emplace_back([this] { resolve_jobs(); });
        for (unsigned i = 0; i < std::max(1U, settings.worker_threads); ++i)
            threads_.emplace_back([this] { convert_jobs(); });
    }

    ~Impl() {
        stop_.request_stop();
        changed_.notify_all();
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
        if (is_damaged(answer)) { // R1: whoever asks for it repairs it
            request.image_is_damaged = true;
            answer = catalog_.enqueue(request, settings_.pull_policy, now());
        }
        const Pull * pull = std::get_if<Pull>(&answer.what);
        if (pull != nullptr && !pull->ended) {
            const std::lock_guard lock{mutex_};
            auto & askers = askers_[pull->number];
            const auto same = std::find_if(askers.begin(), askers.end(), [&](const Asker & each) {
                return each.request.requester == request.requester;
            });
            if (same == askers.end()) askers.push_back({std::move(request), std::move(credentials), std::move(origin)});
            wake_ = wake_ || answer.is_new;
        }
        changed_.notify_all();
        return answer;
    }

    [[nodiscard]] const GatewaySettings & settings() const noexcept { return settings_; }

    void refuse_when_full() {
        const std::lock_guard lock{mutex_};
        if (askers_.size() >= most_pulls) throw Error{"the gateway has too many pulls waiting; try again later"};
    }

private:
    [[nodiscard]] bool is_damaged(const Enqueued & answer) const {
        const auto * image = std::get_if<catalog::Image>(&answer.what);
        if (image == nullptr) return false;
        const auto system = settings_.systems.find(image->system);
        return system != settings_.systems.end() && !catalog::Publisher{system->second.storage}.is_whole(image->id);
    }

    using Job = std::shared_ptr<PullJob>;
    using Content = std::pair<std::string, ImageId>; // system and id

    // The dispatcher: claims, reports, keeps the heart beating.

    void dispatch() {
        auto last_beat = SteadyClock::now();
        while (!stop_.stop_requested()) {
            if (settings_.converts) guarded("cannot claim pulls", [&] { claim_all(); });
            for (const Job & job : copy_of_active()) {
                guarded("cannot report progress", [&] { job->report(); });
            }
            guarded("cannot record the end of a pull", [&] { record_endings(); });
            if (SteadyClock::now() - last_beat >= beat_interval_) {
                guarded("cannot write a heartbeat", [&] { catalog_.beat(worker_, now()); });
                guarded("cannot look for lost pulls", [&] { recover_lost(); });
                guarded("cannot look for pulls that have ended", [&] { forget_ended(); });
                last_beat = SteadyClock::now();
            }
            std::unique_lock lock{mutex_};
            changed_.wait_for(lock, stop_.get_token(), report_interval, [&] { return wake_; });
            wake_ = false;
            if (!not_before_.empty()) changed_.notify_all(); // whose time may have come
        }
    }

    void recover_lost() {
        if (const unsigned again = catalog_.recover_lost(worker_, settings_.pull_lease, now()); again > 0)
            log::warning("event=recovered pulls=" + std::to_string(again) +
                         " reason=\"their gateway gave no sign of life\"");
    }

    /** Of pulls that another gateway has claimed, nobody tells us the end: their logins go, too. */
    void forget_ended() {
        std::vector<std::int64_t> numbers;
        {
            const std::lock_guard lock{mutex_};
            for (const auto & asked : askers_) numbers.push_back(asked.first);
            for (const Job & job : active_)
                numbers.erase(std::remove(numbers.begin(), numbers.end(), job->pull().number), numbers.end());
        }
        for (const std::int64_t number : numbers) {
            if (const auto pull = catalog_.find_pull(number); !pull || pull->ended) forget(number);
        }
    }

    void claim_all() {
        while (!stop_.stop_requested()) {
            const std::lock_guard entry{entry_};
            {
                const std::lock_guard lock{mutex_};
                if (to_resolve_.size() + to_convert_.size() >= most_waiting) return;
            }
            auto pull = catalog_.claim(worker_, now());
            if (!pull) return;
            begin(*std::move(pull));
        }
    }

    void begin(Pull pull) {
        const std::int64_t number = pull.number;
        std::optional<registry::Credentials> credentials;
        MakeOrigin origin;
        {
            const std::lock_guard lock{mutex_};
            for (const Asker & asker : askers_[number]) {
                if (asker.request.requester != pull.requester) continue;
                credentials = asker.credentials;
                origin = asker.origin;
            }
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
                origin = registry_origin(settings_, pull.key.tag, std::move(credentials),
                                         signature_policy_of(settings_, pull.key.system));
            log::info("event=begun pull=" + std::to_string(number) + log::field("image", pull.key.tag) +
                      log::field("system", pull.key.system) + log::field("caller", pull.requester_name) +
                      log::field("uid", std::to_string(pull.requester)));
            auto job = std::make_shared<PullJob>(settings_, catalog_, std::move(pull), origin, has_credentials,
                                                 stop_.get_token(), layer_cache_ ? &*layer_cache_ : nullptr);
            const std::lock_guard lock{mutex_};
            active_.push_back(job);
            to_resolve_.push_back(std::move(job));
            changed_.notify_all();
        } catch (const catalog::Unavailable & error) {
            end_with({hold, End::put_back, {log::one_line(error.what())}});
        } catch (const std::exception & error) { // the configuration has changed since it was queued
            end_with({hold, End::failure, {log::one_line(error.what()), false}});
        }
    }

    // The two kinds of workers.

    void resolve_jobs() {
        while (const Job job = next(
                   to_resolve_,
                   [&](const Job & each) { return busy_registries_.count(each->place()) < most_for_one_registry; },
                   [&](const Job & each) { busy_registries_.insert(each->place()); })) {
            const bool is_resolved = run(*job, [&] {
                job->resolve();
                if (job->needed_credentials() && job->pull().key.type == ImageType::docker)
                    send_others_their_own_way(*job);
            });
            const std::lock_guard lock{mutex_};
            busy_registries_.erase(busy_registries_.find(job->place()));
            if (is_resolved) to_convert_.push_back(job);
            changed_.notify_all();
        }
    }

    void convert_jobs() {
        const auto content = [](const Job & job) { return Content{job->pull().key.system, job->id()}; };
        const auto is_free = [&](const Job & each) {
            const auto wait = not_before_.find(each->pull().number);
            return busy_contents_.count(content(each)) == 0 &&
                   (wait == not_before_.end() || wait->second <= SteadyClock::now());
        };
        while (const Job job = next(to_convert_, is_free, [&](const Job & each) {
                   busy_contents_.insert(content(each));
                   not_before_.erase(each->pull().number);
               })) {
            const auto began = SteadyClock::now();
            bool is_ours = true;
            const bool is_done = run(*job, [&] {
                is_ours = job->take_content();
                if (is_ours && !job->finish_if_published()) job->convert_and_publish();
            });
            if (is_done && is_ours) {
                const auto ms =
                    std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - began).count();
                ++catalog::counters().pulls_ready;
                log::info("event=published pull=" + std::to_string(job->pull().number) +
                          log::field("system", job->pull().key.system) + " id=" + job->id().to_string() +
                          " ms=" + std::to_string(ms));
                forget(job->pull().number);
            }
            const std::lock_guard lock{mutex_};
            busy_contents_.erase(content(job));
            if (is_done && !is_ours) { // another gateway converts it: what it publishes will do
                not_before_[job->pull().number] = SteadyClock::now() + delay_of_busy_content;
                to_convert_.push_back(job);
            }
            changed_.notify_all();
        }
    }

    /** The first job of `queue` that may go now, marked as going; none when the service stops. */
    template <class MayGo, class Mark> Job next(std::deque<Job> & queue, MayGo may_go, Mark mark) {
        std::unique_lock lock{mutex_};
        auto found = queue.end();
        changed_.wait(lock, stop_.get_token(),
                      [&] { return (found = std::find_if(queue.begin(), queue.end(), may_go)) != queue.end(); });
        if (stop_.stop_requested()) return nullptr;
        Job job = std::move(*found);
        queue.erase(found);
        mark(job);
        return job;
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
        std::vector<Asker> others;
        {
            const std::lock_guard lock{mutex_};
            for (const Asker & asker : askers_[job.pull().number]) {
                if (asker.request.requester != job.pull().requester && asker.credentials) others.push_back(asker);
            }
        }
        for (Asker & each : others) {
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
        static constexpr std::array<const char *, 3> events = {"failed", "put-back", "lost"};
        const std::int64_t number = ending.hold.pull;
        if (ending.end == End::failure) ++catalog::counters().pulls_failed;
        log::info(std::string{"event="} + events.at(static_cast<std::size_t>(ending.end)) +
                  " pull=" + std::to_string(number) + log::field("reason", ending.failure.sentence));
        {
            const std::lock_guard lock{mutex_};
            // Its number may be on its way again here, with a later turn.
            const auto is_it = [&](const Job & each) {
                return each->pull().number == number && each->pull().turn == ending.hold.turn;
            };
            active_.erase(std::remove_if(active_.begin(), active_.end(), is_it), active_.end());
            if (ending.end != End::lost) endings_[{number, ending.hold.turn}] = std::move(ending);
            wake_ = true;
        }
        changed_.notify_all();
    }

    /** Also tries again what the catalog could not take before: a pull must not seem alive for ever. */
    void record_endings() {
        std::map<Turn, Ending> endings;
        {
            const std::lock_guard lock{mutex_};
            endings = endings_;
        }
        for (const auto & [turn, ending] : endings) {
            const std::int64_t number = turn.first;
            try {
                if (ending.end == End::failure)
                    catalog_.fail(ending.hold, ending.failure.sentence, ending.failure.retryable, now());
                if (ending.end == End::put_back) catalog_.put_back(ending.hold, now());
            } catch (const catalog::HoldLost & lost) {
                log::info("event=lost pull=" + std::to_string(number) + log::field("reason", lost.what()));
            }
            // Who asked for a pull that goes on keeps his login here; forget_ended() sees to the rest.
            if (ending.end == End::failure) forget(number);
            const std::lock_guard lock{mutex_};
            endings_.erase(turn);
        }
    }

    /** Nobody reports on it any more. Under mutex_. */
    void retire(std::int64_t number) {
        const auto is_it = [&](const Job & each) { return each->pull().number == number; };
        active_.erase(std::remove_if(active_.begin(), active_.end(), is_it), active_.end());
    }

    /** The catalog knows its end: the credentials of those who have waited go. */
    void forget(std::int64_t number) {
        const std::lock_guard entry{entry_}; // after this, nobody can join it any more
        const std::lock_guard lock{mutex_};
        askers_.erase(number);
        retire(number);
    }

    std::vector<Job> copy_of_active() {
        const std::lock_guard lock{mutex_};
        return active_;
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

    std::mutex entry_; ///< taken before mutex_
    std::mutex mutex_; ///< all below
    std::condition_variable_any changed_;
    bool wake_ = false;
    std::map<std::int64_t, std::vector<Asker>> askers_;
    using Turn = std::pair<std::int64_t, std::int64_t>; // of a pull: its number first
    std::map<Turn, Ending> endings_;
    std::map<std::int64_t, SteadyClock::time_point> not_before_; ///< of those in to_convert_ whose content is busy
    std::vector<Job> active_;
    std::deque<Job> to_resolve_;
    std::deque<Job> to_convert_;
    std::multiset<std::string> busy_registries_;
    std::set<Content> busy_contents_;

    SteadyClock::time_point last_complaint_ = SteadyClock::now() - 1h; ///< the dispatcher's own
    std::vector<std::jthread> threads_;
};

PullQueue::PullQueue(const GatewaySettings & settings, catalog::Catalog & catalog)
    : impl_{std::make_unique<Impl>(settings, catalog)} {}
PullQueue::~PullQueue() = default;

Enqueued PullQueue::submit(const std::string & system, ImageType type, const std::string & tag,
                           const auth::Caller & caller, const Acl & requested_acl) {
    const GatewaySettings & settings = impl_->settings();
    if (settings.systems.count(system) == 0) throw Error{"this gateway has no system " + quoted(system)};
    if (type != ImageType::docker)
        throw Error{"only images of type docker can be pulled, not " + std::string{to_string(type)}};
    impl_->refuse_when_full();
    PullRequest request;
    request.key = {system, type, canonical_tag(type, tag)};
    auto credentials =
        credentials_for(resolve_source(settings, request.key.tag), caller.locations, settings.default_location);
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
