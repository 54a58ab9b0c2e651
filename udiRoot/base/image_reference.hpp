/**
 * @file
 * Where an image of type docker lives: registry, repository, tag, digest.
 *
 * Grammar: github.com/distribution/reference ("name[:tag][@digest]") with docker.io's short forms, and the contract's
 * rule 8.1 (a first component that names a configured location is that registry).
 */
#pragma once

#include "base/digest.hpp"
#include "base/expected.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace shifter {

struct ImageReference {
    /** Host, with ":port" where one was given; "docker.io" for Docker Hub; a location's name where the site has it. */
    std::string registry;
    /** Lower-case path; "library/" is already in front of Docker Hub's one-word names. */
    std::string repository;
    /** "latest" when neither a tag nor a digest was given; empty when only a digest was. */
    std::string tag;
    std::optional<Digest> digest;

    /** Says whether a first component is the name of a registry that the site has configured. */
    using IsLocation = std::function<bool(std::string_view)>;

    /**
     * @param text              at most 1024 bytes; a leading "docker://" is allowed
     * @param default_registry  used when the text names none
     * @param is_location       registries known by configuration, tried before the general rule that a first component
     *                          with a dot, a colon or the name "localhost" is a host
     */
    [[nodiscard]] static Expected<ImageReference> parse(std::string_view text, std::string_view default_registry = "docker.io",
                                                        const IsLocation & is_location = {});

    /** What the registry is asked for: the digest when there is one, else the tag. */
    [[nodiscard]] std::string selector() const { return digest ? digest->to_string() : tag; }
    /** Full form, which parses back to the same value: registry/repository[:tag][@digest]. */
    [[nodiscard]] std::string to_string() const;
    bool operator==(const ImageReference &) const = default;
};

} // namespace shifter
