#include "pull/pull_job.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "catalog/content_lock.hpp"
#include "catalog/counters.hpp"
#include "catalog/log_field.hpp"
#include "pull/clock.hpp"
#include "pull/examiner.hpp"
#include "pull/image_facts.hpp"
#include "pull/platforms.hpp"
#include "pull/quota.hpp"
#include "registry/signature_policy.hpp"

#include <algorithm>
#include <fcntl.h>
#include <thread>

namespace shifter::pull {

using catalog::State;

namespace {

constexpr std::size_t most_sentence_bytes = 2000;
constexpr std::chrono::minutes longest_absence{5}; // of the catalog, in the middle of a pull
constexpr std::chrono::milliseconds pause_between_tries{500};

const System & system_named(const GatewaySettings & settings, const std::string & name) {
    const auto found = settings.systems.find(name);
    if (found == settings.systems.end()) throw Error{"this gateway has no system " + quoted(name)};
    return found->second;
}

std::string count_of(std::size_t layers) { return layers == 1 ? "1 layer" : std::to_string(layers) + " layers"; }

} // namespace

PullJob::PullJob(const GatewaySettings & settings, catalog::Catalog & catalog, catalog::Pull pull,
                 const MakeOrigin & make_origin, bool has_credentials, std::stop_token stop,
                 const squash::LayerCache * layer_cache)
    : settings_{settings}, catalog_{catalog},
      layer_cache_{layer_cache}, pull_{std::move(pull)}, system_{system_named(settings, pull_.key.system)},
      has_credentials_{has_credentials}, on_service_stop_{std::move(stop), [this] { abort_.request_stop(); }},
      publisher_{system_.storage}, shown_{pull_.state} {
    origin_ = make_origin(abort_.get_token());
    place_ = origin_->place();
}

void PullJob::resolve() {
    show(State::pulling, "Getting manifest");
    image_ = origin_->resolve(platform_of(system_, pull_.key.tag));
    const auto policy = signature_policy_of(settings_, pull_.key.system);
    if (policy && pull_.key.type != ImageType::docker)
        registry::enforce_sent(*policy, origin_->transport(), name_of(pull_.key.tag));
    image_->config_json.clear(); // nobody reads it from here, and pulls wait with what they hold
    image_->config_json.shrink_to_fit();
    catalog_.set_access(pull_.hold(), image_->anonymous ? catalog::Access::open : catalog::Access::restricted, now());
    id_ = ImageId::parse(image_->manifest_digest.hex()).value_or_throw("cannot name the image");
    check_quota();
    (void)record_of(image_->config); // what cannot be published is not worth a download
    show(State::pulling, "Waiting for a worker");
}

std::uint64_t PullJob::layer_bytes() const noexcept {
    std::uint64_t bytes = 0;
    for (const oci::Descriptor & layer : image_->manifest.layers) bytes += layer.size_bytes;
    return bytes;
}

/** Before the download by what the registry says of it, since nobody wants to wait for a refusal. */
void PullJob::check_quota() {
    refuse_over_quota(settings_.quotas, catalog_, pull_.key.system, {pull_.requester, pull_.requester_gid}, *id_,
                      layer_bytes());
}

bool PullJob::take_content() { return catalog_.take_content(pull_.hold(), *id_); }

bool PullJob::finish_if_published() {
    const auto known = catalog_.find(pull_.key.system, *id_);
    if (!may_take_published(known)) return false;
    examine_published(known);
    const catalog::ContentLock lock{system_.storage, *id_, abort_.get_token()};
    const auto size = publisher_.whole_size(*id_);
    if (!size || lacks_verdict()) return false;
    finish(*size, std::nullopt);
    return true;
}

/** Private content goes to nobody who only has its manifest: he must bring, or be given by his registry, all of it
 * (I31). */
bool PullJob::may_take_published(const std::optional<catalog::Image> & known) const {
    if (!known) { // none, or one that was retired, or lost its row: its record is left
        const auto readers = publisher_.readers(*id_);
        return !readers || readers->is_public();
    }
    const auto is_own = [&](const catalog::Grant & grant) { return grant.owner == pull_.requester; };
    return !known->is_private || std::any_of(known->grants.begin(), known->grants.end(), is_own) ||
           origin_->has_shown_access(known->reference);
}

/** Not under the content's lock, for which removals wait: the descriptor keeps what is examined. */
void PullJob::examine_published(const std::optional<catalog::Image> & known) {
    const auto size = publisher_.whole_size(*id_);
    if (!size) return;
    // A label of the image's own by this name could be what an older release has stored: it is no verdict.
    const auto & own = image_->config.labels;
    const auto is_verdict = [](const auto & label) { return label.first == examiner_label; };
    if (known && std::none_of(own.begin(), own.end(), is_verdict)) {
        const auto & labels = known->config.labels;
        if (const auto found = std::find_if(labels.begin(), labels.end(), is_verdict); found != labels.end())
            verdict_ = found->second;
    }
    if (!lacks_verdict()) return;
    const std::string path = catalog::image_path(system_.storage, *id_);
    const UniqueFd image{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
    if (!image && errno == ENOENT) return; // removed this moment: it is made, and examined, anew
    if (!image) throw SysError{errno, "cannot read the image for its examination"};
    examine_image(image.get(), *size);
}

void PullJob::convert_and_publish() {
    {
        const std::lock_guard lock{showing_};
        meter_ = std::make_shared<LayerMeter>(image_->manifest.layers);
    }
    show(State::pulling, "Pulling " + count_of(image_->manifest.layers.size()));
    catalog::UnpublishedFile file{system_.storage};
    const auto began = std::chrono::steady_clock::now();
    std::optional<squash::LayerReuse> reuse;
    const auto scopes = origin_->layer_scopes();
    if (layer_cache_ != nullptr && !scopes.empty())
        reuse.emplace(*layer_cache_, scopes, catalog::image_path(system_.storage, *id_));
    const auto result =
        squash::convert(layer_inputs(), file.fd(), created_seconds(image_->config.created), settings_.squash,
                        settings_.unpack_limits, abort_.get_token(), reuse ? &*reuse : nullptr);
    catalog::counters().layers_reused += result.reused_layers;
    dropped_ = catalog::Dropped{result.dropped_devices, result.dropped_setid, result.dropped_xattrs};
    ++catalog::counters().conversions;
    catalog::counters().conversion_milliseconds += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count());
    refuse_over_quota(settings_.quotas, catalog_, pull_.key.system, {pull_.requester, pull_.requester_gid}, *id_,
                      result.size_bytes);
    if (lacks_verdict()) examine_image(file.fd(), result.size_bytes);
    {
        const catalog::ContentLock lock{system_.storage, *id_, abort_.get_token()};
        finish(result.size_bytes, std::move(file));
    }
    // Nobody waits for this any more. What took a login at any point is not everybody's.
    const bool is_public = image_->anonymous && origin_->is_public();
    if (reuse)
        reuse->commit(is_public ? public_layers : scopes.back(), image_->manifest.layers, image_->config.diff_ids);
}

void PullJob::examine_image(int fd, std::uint64_t size_bytes) {
    if (meter_) show_conversion();
    patiently([&] {
        const std::lock_guard lock{showing_};
        const auto progress = meter_ ? meter_->snapshot() : catalog::Progress{};
        catalog_.advance(pull_.hold(), shown_, "The site's examiner looks at it", progress, now());
    });
    const Examined facts{pull_.key.system, origin_->reference(), image_->manifest_digest.to_string(),
                         pull_.requester_name, pull_.requester};
    verdict_ = examine(settings_, fd, size_bytes, *id_, facts, abort_.get_token());
    log::info("event=examined pull=" + std::to_string(pull_.number) + log::field("system", pull_.key.system) +
              " id=" + id_->to_string() + log::field("verdict", *verdict_));
}

std::vector<squash::LayerInput> PullJob::layer_inputs() {
    std::vector<squash::LayerInput> inputs;
    for (std::size_t i = 0; i < image_->manifest.layers.size(); ++i) {
        const oci::Descriptor & blob = image_->manifest.layers[i];
        const auto open = [this, i] {
            const auto count = [meter = meter_, i](std::uint64_t bytes) {
                meter->add(i, bytes);
                catalog::counters().bytes_pulled += bytes;
            };
            return watch(origin_->open_layer(i, count), meter_);
        };
        const auto cancel = [this] { abort_.request_stop(); };
        const auto may_reuse = [this, i] { return origin_->may_reuse(i); };
        const auto on_reused = [this, i] { meter_->add(i, image_->manifest.layers[i].size_bytes); };
        inputs.push_back({blob, image_->config.diff_ids[i], open, cancel, may_reuse, on_reused});
    }
    return inputs;
}

catalog::Publication PullJob::publication(std::uint64_t size_bytes) const {
    catalog::Image image{pull_.key.system, pull_.key.type, *id_};
    image.manifest_digest = image_->manifest_digest.to_string();
    if (image_->index_digest) image.indexes = {{pull_.key.tag, image_->index_digest->to_string()}};
    image.reference = origin_->reference();
    image.platform = image_->config.platform.to_string();
    image.size_bytes = size_bytes;
    // Read with credentials: private, for its puller and whom he named (contract 7.6, H7-16, H7-17; I34).
    image.is_private = !image_->anonymous;
    if (image.is_private) image.grants = {{pull_.requester, pull_.requested_acl}};
    image.config = image_->config;
    auto & labels = image.config.labels; // an image cannot bring a verdict of its own
    labels.erase(
        std::remove_if(labels.begin(), labels.end(), [](const auto & label) { return label.first == examiner_label; }),
        labels.end());
    if (verdict_) labels.emplace_back(examiner_label, *verdict_);
    for (std::size_t i = 0; i < image_->manifest.layers.size(); ++i) {
        const auto & layer = image_->manifest.layers[i];
        const auto & creators = image_->config.created_by;
        image.layers.push_back({layer.digest, image_->config.diff_ids[i], layer.size_bytes,
                                i < creators.size() ? creators[i] : std::string{}});
    }
    image.puller = pull_.requester;
    image.last_pull = now();
    image.expiration = now() + settings_.image_expiration; // H7-21
    image.dropped = dropped_;
    catalog::Publication made{pull_.hold(), std::move(image), dropped_ ? dropped_->sentence() : std::string{}};
    if (!made.image.is_private && !pull_.requested_acl.is_public()) {
        made.message = "The image is public at its registry: the readers that were named have no effect";
    }
    return made;
}

/** The download is over, whatever report() has come to. */
void PullJob::show_conversion() {
    {
        const std::lock_guard lock{showing_}; // report() has nothing to add
        shown_bytes_ = meter_->snapshot().bytes_done;
    }
    show(State::examination, "Checking what arrived");
    show(State::conversion, "Converting to squashfs");
}

/** A note, data, name, record, then the catalog's row (R4). The caller holds the content's lock: no removal comes
 * between. */
void PullJob::finish(std::uint64_t size_bytes, std::optional<catalog::UnpublishedFile> file) {
    if (file) show_conversion();
    show(State::transfer, "Publishing");
    const auto made = publication(size_bytes);
    std::optional<catalog::Image> merged;
    patiently([&] { merged = catalog_.preview(made); }); // HoldLost: nothing of ours gets a name
    ImageRecord record = record_of(image_->config);
    if (!settings_.suppress_acl_in_meta) record.acl = merged->acl();
    const auto privacy = merged->is_private ? catalog::Privacy::readers_only : catalog::Privacy::everybody;
    if (file) {
        // Whatever comes between the files and their row, a refusal of the catalog or a death, they are known to it.
        if (!publisher_.is_whole(*id_))
            patiently([&] { catalog_.announce_files(pull_.hold(), *id_, size_bytes, now()); });
        publisher_.publish(*std::move(file), *id_, record, privacy);
    } else {
        publisher_.publish_record(*id_, record, privacy);
    }
    patiently([&] { catalog_.publish(made, now()); });
}

template <class Action> void PullJob::patiently(Action action) {
    const auto end = std::chrono::steady_clock::now() + longest_absence;
    while (true) {
        try {
            return action();
        } catch (const catalog::Unavailable &) {
            if (abort_.stop_requested() || std::chrono::steady_clock::now() > end) throw;
        }
        std::this_thread::sleep_for(pause_between_tries);
    }
}

void PullJob::show(State state, const std::string & message) {
    patiently([&] {
        const std::lock_guard lock{showing_};
        if (shown_ == State::conversion && state == State::examination) return; // report() was faster
        if (shown_ == state && (state == State::examination || state == State::conversion)) return;
        catalog_.advance(pull_.hold(), state, message, meter_ ? meter_->snapshot() : catalog::Progress{}, now());
        shown_ = state;
    });
}

void PullJob::report() {
    try {
        write_progress();
    } catch (const catalog::HoldLost &) {
        is_lost_ = true;
        abort_.request_stop();
    }
}

void PullJob::write_progress() {
    const std::lock_guard lock{showing_};
    if (!meter_ || shown_ == State::transfer) return;
    const catalog::Progress progress = meter_->snapshot();
    if (shown_ == State::pulling) {
        if (meter_->has_all()) {
            catalog_.advance(pull_.hold(), State::examination, "Checking what arrived", progress, now());
            shown_ = State::examination;
        } else if (progress.bytes_done != shown_bytes_) {
            catalog_.advance(pull_.hold(), State::pulling, "Pulling " + count_of(progress.layers.size()), progress,
                             now());
            shown_bytes_ = progress.bytes_done;
        }
    } else if (shown_ == State::examination) {
        catalog_.advance(pull_.hold(), State::conversion, "Converting to squashfs", progress, now());
        shown_ = State::conversion;
    }
}

Failure PullJob::explain_failure() const {
    const auto tidy = [](const std::string & sentence) {
        return log::one_line(sentence).substr(0, most_sentence_bytes);
    };
    try {
        throw;
    } catch (const registry::RegistryError & error) {
        const bool is_refused = error.cause() == registry::Cause::denied || error.cause() == registry::Cause::not_found;
        if (is_refused && pull_.has_credentials && !has_credentials_) {
            return {"the service was restarted while this pull waited, and it keeps logins in memory only; pull again",
                    true};
        }
        return {tidy(error.what()), true}; // told once, then each new request asks the registry anew
    } catch (const registry::KeptOut & error) {
        return {tidy(error.what()), true}; // it may be signed the next moment
    } catch (const OverQuota & error) {
        return {tidy(error.what()), true};
    } catch (const SysError & error) {
        return {tidy(error.what()), true};
    } catch (const Error & error) {
        if (meter_) {
            if (const auto trouble = meter_->registry_trouble()) return {tidy(*trouble), true};
        }
        return {tidy(error.what()), false}; // the content itself: it has a digest, and will be the same
    } catch (const std::bad_alloc &) {
        return {"the gateway has run out of memory", true};
    } catch (const std::exception & error) {
        return {tidy(error.what()), true};
    }
}

} // namespace shifter::pull
