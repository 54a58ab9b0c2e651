/**
 * @file
 * Volume maps: `from:to[:flag…][;…]`. Grammar and rules: contract section 4, hazards done right: text is accepted or
 * refused, never changed (I16, H4-1), destinations are compared by path component (I12, H4-2). The paths of a map have
 * letters, digits and _ . + - / only, as deployed Shifter kept them.
 *
 * Beyond the contract, users may write `tmpfs:to[:size=…][:ro]`: a new file system in memory.
 */
#pragma once

#include "base/expected.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shifter {

/**
 * An absolute, normal path in the container: no "..", no ".", no empty component, no trailing slash; "/" is allowed.
 * Written slashes and dots that mean nothing ("/data/", "//a/./b") are accepted and left out (H4-3); ".." is refused.
 */
class ContainerPath {
public:
    /** At most 4095 bytes, 255 a component, no NUL. */
    [[nodiscard]] static Expected<ContainerPath> parse(std::string_view text);
    [[nodiscard]] const std::string & to_string() const noexcept { return text_; }
    /** The components, without the leading slash. */
    [[nodiscard]] std::vector<std::string_view> components() const;
    /** Whether this is `other`, or lies below it, by component. */
    [[nodiscard]] bool is_at_or_below(const ContainerPath & other) const noexcept;
    auto operator<=>(const ContainerPath &) const = default;

private:
    explicit ContainerPath(std::string text) : text_{std::move(text)} {}
    std::string text_;
};

enum class Propagation { site_default, private_, slave };

/** perNodeCache=size=…,fs=xfs,bs=…,method=loop (contract 4.3). */
struct PerNodeCache {
    std::uint64_t size_bytes = 0;
    std::uint64_t block_bytes = 1U << 20U;
    std::string file_system = "xfs";
    bool operator==(const PerNodeCache &) const = default;
};

struct Volume {
    ContainerPath from; ///< user: inside the container root; site: on the host; of a tmpfs: "/", and not used
    ContainerPath to;
    bool read_only = false;
    bool recursive = false;
    Propagation propagation = Propagation::site_default;
    std::optional<PerNodeCache> cache = std::nullopt;
    std::optional<std::uint64_t> tmpfs_bytes = std::nullopt; ///< a tmpfs of this size; 0: as large as the site allows
    bool operator==(const Volume &) const = default;
};

/** Whose rules apply (table 4.2). */
enum class VolumeOwner { user, site };

/**
 * Refusals say which entry, and why; `offset` is where the entry begins. At most 1000 entries. Two entries for one
 * destination are refused to users (H4-12); a site's later entry is mounted over the earlier one.
 */
[[nodiscard]] Expected<std::vector<Volume>> parse_volume_map(std::string_view text, VolumeOwner owner);

/** Why `to` is not allowed as a destination for `owner` (table 4.2), as the rest of a sentence; nothing if it is. */
[[nodiscard]] std::optional<std::string> refuse_destination(const ContainerPath & to, VolumeOwner owner);

/** "from:to", for messages. */
[[nodiscard]] std::string name_of(const Volume & volume);

/** The canonical text of section 4.5, as it stands in shifterConfig.json. */
[[nodiscard]] std::string volume_signature(const std::vector<Volume> & volumes);

} // namespace shifter
