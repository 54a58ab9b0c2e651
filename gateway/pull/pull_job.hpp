/**
 * @file
 * One pull from its claim to its end: ask the registry, convert, publish. PullQueue decides when each step runs.
 */
#pragma once

#include "pull/gateway_settings.hpp"
#include "pull/layer_meter.hpp"
#include "pull/origin.hpp"
#include "squash/layer_cache.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

namespace shifter::pull {

/** Why a pull ended, and whether another try may fare better. */
struct Failure {
    std::string sentence;
    bool retryable = true;
};

class PullJob {
public:
    /** @throws Error when the site no longer has the system */
    PullJob(const GatewaySettings & settings, catalog::Catalog & catalog, catalog::Pull pull,
            const MakeOrigin & make_origin, bool has_credentials, std::stop_token stop,
            const squash::LayerCache * layer_cache = nullptr);

    [[nodiscard]] const catalog::Pull & pull() const noexcept { return pull_; }
    /** Pulls from one place take turns. */
    [[nodiscard]] const std::string & place() const noexcept { return place_; }

    /** Asks the registry what the tag is, once (R7), and whether everybody may read it. @throws RegistryError, Error */
    void resolve();
    /** After resolve(): what will be published; never converted twice at a time. */
    [[nodiscard]] const ImageId & id() const { return *id_; }
    /** Compressed bytes of all layers. */
    [[nodiscard]] std::uint64_t layer_bytes() const noexcept;
    [[nodiscard]] bool needed_credentials() const { return !image_->anonymous; }

    /** Whether nobody else, on this gateway or another, is at id(): from then on nobody else may be. */
    [[nodiscard]] bool take_content();
    /** Publishes the tag when the content is already there and whole. Nobody else may work on id() meanwhile. */
    [[nodiscard]] bool finish_if_published();
    /** Downloads, converts, publishes. Nobody else may work on id() meanwhile. */
    void convert_and_publish();

    /** What was left out of the image, when it was converted. */
    [[nodiscard]] const std::optional<catalog::Dropped> & dropped() const noexcept { return dropped_; }

    /** Writes progress into the catalog, if there is any; at most four times a second is enough. From any thread. When
     * another gateway has the pull by now, the work on it ends. */
    void report();
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }
    /** What the record says of an exception that came out of a step. To be called in its handler. */
    [[nodiscard]] Failure explain_failure() const;

private:
    void show(catalog::State state, const std::string & message);
    void show_conversion();
    void write_progress();
    /** A database that is away for a moment is no reason to convert again. @throws Unavailable after some minutes */
    template <class Action> void patiently(Action action);
    void check_quota();
    [[nodiscard]] std::vector<squash::LayerInput> layer_inputs();
    [[nodiscard]] catalog::Publication publication(std::uint64_t size_bytes) const;
    /** The site's examiner looks at the file. @throws Refused, std::runtime_error */
    void examine_image(int fd, std::uint64_t size_bytes);
    /** The same for content that is published, when the examiner has not seen it. */
    void examine_published(const std::optional<catalog::Image> & known);
    [[nodiscard]] bool may_take_published(const std::optional<catalog::Image> & known) const;
    [[nodiscard]] bool lacks_verdict() const { return !settings_.examiner.empty() && !verdict_; }
    void finish(std::uint64_t size_bytes, std::optional<catalog::UnpublishedFile> file);

    const GatewaySettings & settings_;
    catalog::Catalog & catalog_;
    const squash::LayerCache * layer_cache_; ///< or null
    const catalog::Pull pull_;
    const System & system_;
    const bool has_credentials_;
    std::stop_source abort_; ///< the service stops, or this conversion has failed
    std::stop_callback<std::function<void()>> on_service_stop_;
    catalog::Publisher publisher_;
    std::unique_ptr<Origin> origin_;
    std::string place_;
    std::optional<registry::ResolvedImage> image_;
    std::optional<ImageId> id_;
    std::optional<std::string> verdict_;      ///< the examiner's
    std::optional<catalog::Dropped> dropped_; ///< when it was converted

    std::atomic<bool> is_lost_{false};
    std::mutex showing_;
    std::shared_ptr<LayerMeter> meter_; ///< from the start of the download on
    catalog::State shown_;
    std::uint64_t shown_bytes_ = 0;
};

} // namespace shifter::pull
