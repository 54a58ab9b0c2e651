#include "catalog/image_table.hpp"

#include "base/text.hpp"
#include "catalog/columns.hpp"
#include "catalog/json_columns.hpp"

#include <algorithm>

namespace shifter::catalog::image_table {

using sql::Statement;

namespace {

// The order of the columns in every query that reads whole images. Tags and grants come as one text each, so that an
// image is one question to a database that may be far away; no tag and no JSON of ours has the separator in it.
#define SEPARATOR "\x1f"
#define IMAGE_COLUMNS                                                                                                  \
    "SELECT images.system, images.type, images.id, manifest_digest, reference, format, platform, size_bytes, "         \
    "images.is_private, config, layers, puller, last_pull, expiration, is_pinned, "                                    \
    "(SELECT group_concat(tags.is_private || index_digest || ' ' || tags.tag, '" SEPARATOR "') FROM tags "             \
    "WHERE tags.image = images.number), "                                                                              \
    "(SELECT group_concat(owner || ' ' || readers, '" SEPARATOR "') FROM grants WHERE grants.image = images.number) "

constexpr std::size_t most_rows_at_a_time = 128;

std::vector<std::string> parts_of(const std::optional<std::string> & list) {
    std::vector<std::string> parts;
    if (!list) return parts;
    for (const auto part : text::split(*list, SEPARATOR[0])) parts.emplace_back(part);
    std::sort(parts.begin(), parts.end());
    return parts;
}

std::optional<std::size_t> first_blank(const std::string & part) {
    const std::size_t blank = part.find(' ');
    return blank == std::string::npos ? std::nullopt : std::optional{blank};
}

void read_tags(const std::optional<std::string> & list, Image & image) {
    for (const std::string & part : parts_of(list)) { // "0sha256:… org/app:1", "1 org/app:2"
        const std::size_t blank = columns::undamaged(first_blank(part), "a tag");
        image.tags.push_back(part.substr(blank + 1));
        if (part.front() == '1') image.private_tags.push_back(image.tags.back());
        if (blank > 1) image.indexes.push_back({image.tags.back(), part.substr(1, blank - 1)});
    }
    std::sort(image.tags.begin(), image.tags.end());
    std::sort(image.private_tags.begin(), image.private_tags.end());
    std::sort(image.indexes.begin(), image.indexes.end(),
              [](const TagIndex & left, const TagIndex & right) { return left.tag < right.tag; });
}

void read_grants(const std::optional<std::string> & list, Image & image) {
    for (const std::string & part : parts_of(list)) {
        const std::size_t blank = columns::undamaged(first_blank(part), "a grant");
        const auto owner = columns::undamaged(text::parse_unsigned<uid_t>(part.substr(0, blank)), "a grant");
        image.grants.push_back({owner, acl_of(part.substr(blank + 1))});
    }
    std::sort(image.grants.begin(), image.grants.end(),
              [](const Grant & left, const Grant & right) { return left.owner < right.owner; });
}

Image read_image(Statement & row) {
    // Braces: the columns are read from left to right.
    Image image{row.text(), columns::type_of(row.text()), columns::id_of(row.text())};
    image.manifest_digest = row.text();
    image.reference = row.text();
    image.format = row.text();
    image.platform = row.text();
    image.size_bytes = static_cast<std::uint64_t>(row.integer());
    image.is_private = row.integer() != 0;
    const std::string config = row.text();
    image.config = config_of(config);
    image.dropped = dropped_of(config);
    image.layers = layers_of(row.text());
    for (const LayerInfo & layer : image.layers) image.config.diff_ids.push_back(layer.diff_id);
    image.puller = static_cast<uid_t>(row.integer());
    image.last_pull = columns::time_of(row.integer());
    if (const auto expiration = row.integer_or_null()) image.expiration = columns::time_of(*expiration);
    image.is_pinned = row.integer() != 0;
    read_tags(row.text_or_null(), image);
    read_grants(row.text_or_null(), image);
    return image;
}

std::optional<Image> read_one(Statement & query) {
    if (!query.step()) return std::nullopt;
    return read_image(query);
}

std::optional<std::int64_t> number_of(Connection & connection, const std::string & system, const ImageId & id) {
    Statement query{connection, "SELECT number FROM images WHERE system = ? AND id = ?"};
    query.bind(system, id.to_string());
    if (!query.step()) return std::nullopt;
    return query.integer();
}

std::int64_t store_row(Connection & connection, const Image & image) {
    std::optional<std::int64_t> expiration;
    if (image.expiration) expiration = columns::of(*image.expiration);
    Statement{
        connection,
        "INSERT INTO images (system, id, type, manifest_digest, reference, format, platform, size_bytes, is_private, "
        "config, "
        "layers, puller, last_pull, expiration) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (system, id) DO UPDATE SET type = excluded.type, manifest_digest = excluded.manifest_digest, "
        "reference = excluded.reference, format = excluded.format, platform = excluded.platform, "
        "size_bytes = excluded.size_bytes, is_private = excluded.is_private, config = excluded.config, "
        "layers = excluded.layers, puller = excluded.puller, last_pull = excluded.last_pull, "
        "expiration = CASE WHEN images.expiration > excluded.expiration THEN images.expiration ELSE "
        "excluded.expiration END"}
        .bind(image.system, image.id.to_string(), columns::of(image.type), image.manifest_digest, image.reference,
              image.format, image.platform, columns::of(image.size_bytes), image.is_private,
              to_json(image.config, image.dropped), to_json(image.layers), std::int64_t{image.puller},
              columns::of(image.last_pull), expiration)
        .run();
    return columns::undamaged(number_of(connection, image.system, image.id), "an image");
}

void store_grant(Connection & connection, std::int64_t number, const Grant & grant, Time now) {
    Statement{connection,
              "INSERT INTO grants (image, owner, readers, changed) VALUES (?, ?, ?, ?) ON CONFLICT (image, owner) DO "
              "UPDATE SET "
              "readers = excluded.readers, changed = excluded.changed WHERE grants.readers <> excluded.readers"}
        .bind(number, std::int64_t{grant.owner}, to_json(grant.readers), columns::of(now))
        .run();
}

} // namespace

std::optional<Image> find(Connection & connection, const ImageKey & key) {
    Statement query{
        connection, IMAGE_COLUMNS
        "FROM tags JOIN images ON images.number = tags.image WHERE tags.system = ? AND tags.type = ? AND tags.tag = ?"};
    query.bind(key.system, columns::of(key.type), key.tag);
    return read_one(query);
}

std::optional<Image> find(Connection & connection, const std::string & system, const ImageId & id) {
    Statement query{connection, IMAGE_COLUMNS "FROM images WHERE system = ? AND id = ?"};
    query.bind(system, id.to_string());
    return read_one(query);
}

std::vector<Image> of_index(Connection & connection, const std::string & system, const std::string & digest) {
    Statement query{connection, IMAGE_COLUMNS "FROM images WHERE number IN (SELECT image FROM tags WHERE system = ? "
                                              "AND index_digest = ? AND index_digest <> '')"};
    query.bind(system, digest);
    std::vector<Image> images;
    while (query.step()) images.push_back(read_image(query));
    return images;
}

void for_each_after(Connection & connection, const std::string & system, const std::string & after,
                    std::size_t expected, const std::function<bool(Image &&)> & visit) {
    std::size_t rows_at_a_time = std::clamp<std::size_t>(expected, 1, most_rows_at_a_time);
    std::string last = after;
    std::vector<Image> page;
    bool is_last = false;
    while (!is_last) { // page by page: not every database hands out rows one by one
        page.clear();
        Statement query{connection, IMAGE_COLUMNS "FROM images WHERE system = ? AND id > ? ORDER BY id LIMIT ?"};
        query.bind(system, last, columns::of(rows_at_a_time));
        while (query.step()) page.push_back(read_image(query));
        for (Image & image : page) {
            last = image.id.to_string();
            if (!visit(std::move(image))) return;
        }
        is_last = page.size() < rows_at_a_time;
        // Most of them were nothing for this caller: not a query for every few rows.
        rows_at_a_time = std::min(2 * rows_at_a_time, most_rows_at_a_time);
    }
}

#define HAS_PUBLIC_TAG "EXISTS (SELECT 1 FROM tags WHERE tags.image = images.number AND tags.is_private = 0)"

std::uint64_t count_public(Connection & connection, const std::string & system) {
    Statement query{connection,
                    "SELECT count(*) FROM images WHERE system = ? AND images.is_private = 0 AND " HAS_PUBLIC_TAG};
    query.bind(system);
    return query.step() ? static_cast<std::uint64_t>(query.integer()) : 0;
}

void for_each_public(Connection & connection, const std::string & system, unsigned limit,
                     const std::function<void(Image &&)> & visit) {
    // Whole rows are read of those alone that are shown.
    Statement query{connection,
                    IMAGE_COLUMNS "FROM images WHERE number IN (SELECT number FROM images WHERE system = ? AND "
                                  "images.is_private = 0 AND " HAS_PUBLIC_TAG " ORDER BY last_pull DESC LIMIT ?) "
                                  "ORDER BY last_pull DESC"};
    query.bind(system, std::int64_t{limit});
    while (query.step()) visit(read_image(query));
}

std::vector<Image> expired(Connection & connection, const std::string & system, Time before) {
    Statement query{connection, IMAGE_COLUMNS "FROM images WHERE system = ? AND ((expiration < ? AND is_pinned = 0) OR "
                                              "NOT EXISTS (SELECT 1 FROM tags WHERE tags.image = images.number)) "
                                              "ORDER BY expiration NULLS FIRST"};
    query.bind(system, columns::of(before));
    std::vector<Image> images;
    while (query.step()) images.push_back(read_image(query));
    return images;
}

std::uint64_t stored_bytes(Connection & connection, const std::string & system) {
    Statement query{connection, "SELECT coalesce(sum(size_bytes), 0) FROM images WHERE system = ?"};
    query.bind(system);
    return query.step() ? static_cast<std::uint64_t>(query.integer()) : 0;
}

void store(Connection & connection, const Image & image, const ImageKey & key, Time now) {
    const std::int64_t number = store_row(connection, image);
    const bool is_private_tag =
        std::find(image.private_tags.begin(), image.private_tags.end(), key.tag) != image.private_tags.end();
    Statement{connection,
              "INSERT INTO tags (system, type, tag, image, is_private, index_digest) VALUES (?, ?, ?, ?, ?, ?) "
              "ON CONFLICT (system, type, tag) DO UPDATE SET image = excluded.image, is_private = excluded.is_private, "
              "index_digest = excluded.index_digest"}
        .bind(key.system, columns::of(key.type), key.tag, number, is_private_tag, image.index_of(key.tag))
        .run();
    for (const Grant & grant : image.grants) store_grant(connection, number, grant, now);
}

void set_last_pull(Connection & connection, const std::string & system, const ImageId & id, Time last_pull) {
    Statement{connection, "UPDATE images SET last_pull = ? WHERE system = ? AND id = ?"}
        .bind(columns::of(last_pull), system, id.to_string())
        .run();
}

void set_expiration(Connection & connection, const std::string & system, const ImageId & id, Time expiration) {
    Statement{connection, "UPDATE images SET expiration = ? WHERE system = ? AND id = ?"}
        .bind(columns::of(expiration), system, id.to_string())
        .run();
}

bool remove_tag(Connection & connection, const ImageKey & key) {
    Statement{connection, "DELETE FROM tags WHERE system = ? AND type = ? AND tag = ?"}
        .bind(key.system, columns::of(key.type), key.tag)
        .run();
    return connection.changes() > 0;
}

void set_puller(Connection & connection, const std::string & system, const ImageId & id, uid_t puller) {
    Statement{connection, "UPDATE images SET puller = ? WHERE system = ? AND id = ?"}
        .bind(std::int64_t{puller}, system, id.to_string())
        .run();
}

void set_pinned(Connection & connection, const std::string & system, const ImageId & id, bool is_pinned) {
    Statement{connection, "UPDATE images SET is_pinned = ? WHERE system = ? AND id = ?"}
        .bind(is_pinned, system, id.to_string())
        .run();
}

void set_grants(Connection & connection, const std::string & system, const ImageId & id,
                const std::vector<Grant> & grants, Time now) {
    const auto number = number_of(connection, system, id);
    if (!number) throw Error{"cannot change who may use image " + id.abbreviated() + ": it does not exist"};
    Statement{connection, "DELETE FROM grants WHERE image = ?"}.bind(*number).run();
    for (const Grant & grant : grants) store_grant(connection, *number, grant, now);
}

void set_grant(Connection & connection, const std::string & system, const ImageId & id, const Grant & grant, Time now) {
    const auto number = number_of(connection, system, id);
    if (!number) throw Error{"cannot change who may use image " + id.abbreviated() + ": it does not exist"};
    store_grant(connection, *number, grant, now);
}

std::optional<Time> grant_changed(Connection & connection, const std::string & system, const ImageId & id,
                                  uid_t owner) {
    Statement query{connection, "SELECT changed FROM grants JOIN images ON images.number = grants.image WHERE system = "
                                "? AND id = ? AND owner = ?"};
    query.bind(system, id.to_string(), std::int64_t{owner});
    if (!query.step()) return std::nullopt;
    return columns::time_of(query.integer());
}

} // namespace shifter::catalog::image_table
