/**
 * @file
 * The catalog's values as JSON, in the form that deployed clients read. Contract 7.3: every key is always there, an
 * absent value is the text "MISSING", `last_pull` is a number with a fraction. Further keys stand beside the
 * contract's.
 */
#pragma once

#include "catalog/catalog.hpp"

#include <string>
#include <utility>
#include <vector>

namespace shifter::api {

/** What a record holds beyond what everybody may have who may read the image. */
struct RecordParts {
    bool owner = true; ///< not for anonymous readers
    bool layers = false;
    /** The image's identifiers on all platforms of its system, by platform; empty: they are not told. */
    std::vector<std::pair<std::string, std::string>> platforms = {};
};
[[nodiscard]] std::string image_record(const catalog::Image & image, const RecordParts & parts = {});
/** What people call tags of the catalog: without their platform, each once. */
[[nodiscard]] std::vector<std::string> names_of_tags(const std::vector<std::string> & stored);

/** What a pull record tells: its readers and its registry's words are for those who may know of the image.
 * @param platform  that of its tag; empty: it is not told */
[[nodiscard]] std::string pull_record(const catalog::Pull & pull, const std::string & platform = {});

/** {"list":[…]} of records that are JSON already. */
class RecordList {
public:
    void add(const std::string & record);
    /** The text so far, which goes on with the next take() or with finish(). */
    [[nodiscard]] std::string take() { return std::exchange(text_, {}); }
    /** @param next  where the following page begins; empty: there is none */
    [[nodiscard]] std::string finish(const std::string & next = {}) &&;

private:
    std::string text_ = "{\"list\":[";
    std::size_t size_ = 0;
};

/** What people see of a pull on its way. */
[[nodiscard]] std::string queue_record(const catalog::Pull & pull, const std::string & platform = {});
[[nodiscard]] std::string metrics_list(const std::vector<catalog::MetricsRow> & rows);
/** {"status":["<id>",…]} */
[[nodiscard]] std::string status_list(const std::vector<std::string> & ids);

} // namespace shifter::api
