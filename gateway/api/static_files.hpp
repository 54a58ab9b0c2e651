/**
 * @file
 * The files of the status page, read once: what a request names is looked up in memory, never in a file system.
 */
#pragma once

#include "api/http.hpp"

#include <map>
#include <string>
#include <string_view>

namespace shifter::api {

class StaticFiles {
public:
    StaticFiles() = default;
    /**
     * Reads the .html, .css, .js, .svg and .png files of `directory`, each of at most 1 MiB; folders in it are ignored.
     * A directory that is not there gives no files.
     */
    explicit StaticFiles(const std::string & directory);

    /** The file with its type and the headers that keep a page from loading or running anything else; null: none. */
    [[nodiscard]] const Response * find(std::string_view name) const noexcept;

private:
    std::map<std::string, Response, std::less<>> files_;
};

} // namespace shifter::api
