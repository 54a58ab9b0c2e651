#include "catalog/sql_catalog.hpp"

#include "catalog/claim_table.hpp"
#include "catalog/columns.hpp"
#include "catalog/connections.hpp"
#include "catalog/decision.hpp"
#include "catalog/image_table.hpp"
#include "catalog/known_images.hpp"
#include "catalog/lookup_notes.hpp"
#include "catalog/lookup_table.hpp"
#include "catalog/merge.hpp"
#include "catalog/pull_table.hpp"
#include "catalog/retired_table.hpp"
#include "catalog/schema.hpp"
#include "catalog/sqlite.hpp"
#include "catalog/watches.hpp"

namespace shifter::catalog {

namespace {

using sql::Kind;
using sql::Statement;

constexpr std::size_t most_readers = 8;
constexpr std::size_t most_noters = 4;
constexpr std::chrono::minutes clocks_differ_by{10}; // of gateways, at most: MUNGE asks for less

class SqlCatalog : public Catalog {
    template <class Action> auto read(Action && action) { return readers_.use(Kind::read, action); }
    template <class Action> auto row(Action && action) { return writer_.use(Kind::row, action); }
    template <class Action> auto note(Action && action) {
        return (database_->writes_side_by_side() ? noters_ : writer_).use(Kind::note, action);
    }
    template <class Action> auto alone(Action && action) { return writer_.use(Kind::alone, action); }

public:
    explicit SqlCatalog(std::unique_ptr<sql::Database> database) : database_{std::move(database)} {
        alone([&](Connection & writer) { migrate_schema(writer, database_->name()); });
    }

    std::optional<Image> find(const ImageKey & key) override {
        return read([&](Connection & reader) { return image_table::find(reader, key); });
    }
    std::optional<Image> find(const std::string & system, const ImageId & id) override {
        return read([&](Connection & reader) { return image_table::find(reader, system, id); });
    }
    SharedImage find_readable(const ImageKey & key, const Identity & caller) override {
        const auto image = known(key, [&] { return find(key); });
        if (!image || !image->may_see_tag(caller, key.tag)) return nullptr;
        return as_seen_by(caller, image);
    }
    SharedImage find_readable(const std::string & system, const ImageId & id, const Identity & caller) override {
        const auto image = known({system, ImageType::id, id.to_string()}, [&] { return find(system, id); });
        return image ? as_seen_by(caller, image) : nullptr;
    }

    std::vector<Image> readable_of_index(const std::string & system, const std::string & digest,
                                         const Identity & caller) override {
        std::vector<Image> readable;
        for (Image & image : read([&](Connection & reader) { return image_table::of_index(reader, system, digest); })) {
            auto seen = as_seen_by(caller, std::move(image));
            if (seen && seen->is_of_index(digest)) readable.push_back(*std::move(seen));
        }
        return readable;
    }

    void for_each_image(const std::string & system, const Identity & caller,
                        const std::function<void(const Image &)> & visit) override {
        read([&](Connection & reader) {
            image_table::for_each_after(reader, system, "", SIZE_MAX, [&](Image && image) {
                if (const auto seen = as_seen_by(caller, std::move(image))) visit(*seen);
                return true;
            });
        });
    }

    void for_each_image_after(const std::string & system, const std::string & after, const Identity & caller,
                              std::size_t expected, const std::function<bool(const Image &)> & visit) override {
        read([&](Connection & reader) {
            image_table::for_each_after(reader, system, after, expected, [&](Image && image) {
                const auto seen = as_seen_by(caller, std::move(image));
                return !seen || visit(*seen);
            });
        });
    }

    PublicImages public_images(const std::string & system, unsigned limit) override {
        return read([&](Connection & reader) {
            PublicImages found{image_table::count_public(reader, system), {}};
            image_table::for_each_public(reader, system, limit, [&](Image && image) {
                if (auto seen = as_seen_by(Identity{}, std::move(image))) found.latest.push_back(*std::move(seen));
            });
            return found;
        });
    }

    void touch(const std::string & system, const ImageId & id, Time expiration) override {
        const auto image = find(system, id);
        if (!image) return;
        if (image->expiration && expiration - *image->expiration < std::chrono::hours{1}) return;
        row([&](Connection & writer) { image_table::set_expiration(writer, system, id, expiration); });
    }

    bool remove_tag(const ImageKey & key) override {
        return alone([&](Connection & writer) { return image_table::remove_tag(writer, key); });
    }
    std::vector<Image> expired(const std::string & system, Time before) override {
        return read([&](Connection & reader) { return image_table::expired(reader, system, before); });
    }
    std::uint64_t stored_bytes(const std::string & system) override {
        return read([&](Connection & reader) { return image_table::stored_bytes(reader, system); });
    }
    void set_grant(const std::string & system, const ImageId & id, const Grant & grant, Time now) override {
        alone([&](Connection & writer) { image_table::set_grant(writer, system, id, grant, now); });
    }
    void set_grants(const std::string & system, const ImageId & id, const std::vector<Grant> & grants,
                    Time now) override {
        alone([&](Connection & writer) { image_table::set_grants(writer, system, id, grants, now); });
    }
    void set_puller(const std::string & system, const ImageId & id, uid_t puller) override {
        alone([&](Connection & writer) { image_table::set_puller(writer, system, id, puller); });
    }
    void set_pinned(const std::string & system, const ImageId & id, bool is_pinned) override {
        alone([&](Connection & writer) { image_table::set_pinned(writer, system, id, is_pinned); });
    }

    std::vector<Claim> claims(const ImageKey & key) override {
        return read([&](Connection & reader) { return claim_table::claims(reader, key); });
    }
    std::vector<std::string> claimed_tags(const std::string & system, const ImageId & id, uid_t uid) override {
        return read([&](Connection & reader) { return claim_table::claimed_tags(reader, system, id, uid); });
    }
    std::vector<ImageKey> claimed_by(const std::string & system, uid_t uid) override {
        return read([&](Connection & reader) { return claim_table::claimed_by(reader, system, uid); });
    }
    bool give_up(const ImageKey & key, uid_t uid) override {
        return alone([&](Connection & writer) {
            claim_table::remove(writer, key, uid);
            return claim_table::claims(writer, key).empty() && image_table::remove_tag(writer, key);
        });
    }
    void move_claims(const std::string & system, const ImageId & id, uid_t from, const Claim & to) override {
        alone([&](Connection & writer) { claim_table::move(writer, system, id, from, to); });
    }
    Usage usage_of_user(const std::string & system, uid_t uid) override {
        return read([&](Connection & reader) { return claim_table::usage_of_user(reader, system, uid); });
    }
    Usage usage_of_group(const std::string & system, gid_t gid) override {
        return read([&](Connection & reader) { return claim_table::usage_of_group(reader, system, gid); });
    }

    bool retire(const std::string & system, const ImageId & id, std::optional<Time> before, Time now) override {
        return alone([&](Connection & writer) { return retired_table::retire(writer, system, id, before, now); });
    }
    std::vector<RetiredImage> retired(const std::string & system, Time before) override {
        return read([&](Connection & reader) { return retired_table::list(reader, system, before); });
    }
    bool is_retired(const std::string & system, const ImageId & id) override {
        return read([&](Connection & reader) { return retired_table::contains(reader, system, id); });
    }
    void forget_retired(const std::string & system, const ImageId & id) override {
        alone([&](Connection & writer) { retired_table::forget(writer, system, id); });
    }

    Enqueued enqueue(const PullRequest & request, const PullPolicy & policy, Time now) override {
        return alone([&](Connection & writer) {
            Situation situation = look_at(writer, request, policy, now);
            const Decision decision = decide(situation, request, policy, now);
            return carry_out(writer, decision, std::move(situation), request, now);
        });
    }

    std::optional<Pull> claim(const std::string & worker, Time now) override {
        return row([&](Connection & writer) { return pull_table::claim(writer, worker, now); });
    }
    std::optional<Pull> find_pull(const ImageKey & key) override {
        return read([&](Connection & reader) { return pull_table::find(reader, key); });
    }
    std::optional<Pull> find_pull(std::int64_t number) override {
        return read([&](Connection & reader) { return pull_table::find(reader, number); });
    }
    void advance(const Hold & hold, State state, const std::string & message, const Progress & progress,
                 Time now) override {
        row([&](Connection & writer) {
            (void)pull_table::expect(writer, hold, state);
            pull_table::advance(writer, hold, state, message, progress, now);
        });
    }
    void set_access(const Hold & hold, Access access, Time now) override {
        row([&](Connection & writer) { pull_table::set_access(writer, hold, access, now); });
    }
    bool take_content(const Hold & hold, const ImageId & content) override {
        return writer_.use(Kind::alone,
                           [&](Connection & writer) { return pull_table::take_content(writer, hold, content); });
    }
    void put_back(const Hold & hold, Time now) override {
        alone([&](Connection & writer) {
            const Pull pull = pull_table::held(writer, hold);
            pull_table::put_back(writer, {hold, pull.heartbeat}, "Queued again", now);
        });
    }
    std::optional<std::string> sealed_login(const Hold & hold) override {
        return read([&](Connection & reader) { return pull_table::login(reader, hold); });
    }
    void beat(const std::string & worker, Time now) override {
        alone([&](Connection & writer) {
            pull_table::beat(writer, worker, now);
            Statement{writer, "DELETE FROM credentials WHERE until < ?"}
                .bind(columns::of(now - clocks_differ_by))
                .run();
        });
    }
    Image preview(const Publication & publication) override {
        return read([&](Connection & reader) {
            const auto pull = pull_table::held(reader, publication.pull);
            return merge(image_table::find(reader, pull.key.system, publication.image.id), pull.key, publication.image);
        });
    }
    void announce_files(const Hold & hold, const ImageId & content, std::uint64_t size_bytes, Time now) override {
        alone([&](Connection & writer) {
            const Pull pull = pull_table::held(writer, hold);
            if (!image_table::find(writer, pull.key.system, content))
                retired_table::announce(writer, pull.key.system, content, size_bytes, now);
        });
    }
    void publish(const Publication & publication, Time now) override {
        alone([&](Connection & writer) {
            const Pull pull = pull_table::expect(writer, publication.pull, State::ready);
            Image image =
                merge(image_table::find(writer, pull.key.system, publication.image.id), pull.key, publication.image);
            image.last_pull = now;
            image_table::store(writer, image, pull.key, now);
            claim_table::add_requesters(writer, pull, now);
            retired_table::forget(writer, image.system, image.id); // it is back
            pull_table::end(writer, pull.number, State::ready, publication.message, true, image.id, now);
        });
    }
    bool adopt(const Image & image, const ImageKey & key, Time now) override {
        return alone([&](Connection & writer) {
            if (image_table::find(writer, key)) return false;
            const auto existing = image_table::find(writer, key.system, image.id);
            Image adopted = merge(existing, key, image);
            // What this service has found out itself is newer than what the other one knew.
            if (existing && existing->last_pull > image.last_pull) adopted.last_pull = existing->last_pull;
            image_table::store(writer, adopted, key, now);
            retired_table::forget(writer, image.system, image.id);
            return true;
        });
    }
    void fail(const Hold & hold, const std::string & reason, bool retryable, Time now) override {
        alone([&](Connection & writer) {
            (void)pull_table::expect(writer, hold, State::failure);
            pull_table::end(writer, hold.pull, State::failure, reason, retryable, std::nullopt, now);
        });
    }
    std::vector<Pull> queue(const std::string & system) override {
        return read([&](Connection & reader) { return pull_table::queue(reader, system); });
    }
    std::vector<Pull> ended_pulls(const std::string & system, unsigned limit) override {
        return read([&](Connection & reader) { return pull_table::ended(reader, system, limit); });
    }
    unsigned recover(const std::string & worker, Time now) override {
        return alone([&](Connection & writer) { return pull_table::recover(writer, worker, now); });
    }
    unsigned recover_lost(const std::string & worker, std::chrono::seconds lease, Time now) override {
        const auto lost = lost_watch_.lost_of(
            readers_.use(Kind::read, [&](Connection & reader) { return pull_table::beats_of_others(reader, worker); }),
            lease);
        if (lost.empty()) return 0;
        return alone([&](Connection & writer) {
            unsigned recovered = 0;
            for (const pull_table::Beat & beat : lost) {
                if (pull_table::put_back(writer, beat, "Queued again: its gateway gave no sign of life", now))
                    ++recovered;
            }
            return recovered;
        });
    }

    bool take_turn(const std::string & chore, std::chrono::seconds interval, Time now) override {
        return row([&](Connection & writer) {
            // A turn that is further away than any could be was taken by a clock that was ahead (R10).
            Statement{writer, "INSERT INTO chores (name, due) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET due = "
                              "excluded.due WHERE chores.due <= ?3 OR chores.due > excluded.due"}
                .bind(chore, columns::of(now + interval), columns::of(now))
                .run();
            return writer.changes() > 0;
        });
    }
    bool use_once(const std::string & digest, Time until) override {
        return note([&](Connection & writer) {
            Statement{writer, "INSERT INTO credentials (digest, until) VALUES (?, ?) ON CONFLICT DO NOTHING"}
                .bind(digest, columns::of(until))
                .run();
            return writer.changes() > 0;
        });
    }

    void record_lookup(const MetricsRow & lookup) override { notes_.add(lookup); }
    std::vector<MetricsRow> metrics(const std::string & system, unsigned limit) override {
        notes_.flush();
        return read([&](Connection & reader) { return lookup_table::latest(reader, system, limit); });
    }

private:
    /** What `find` finds; without it, when it was found before and nothing has changed since. */
    template <class Find> SharedImage known(const ImageKey & key, Find find) {
        const auto mark = database_->change_mark();
        if (mark) {
            if (auto image = known_images_.find(*mark, key)) return image;
        }
        auto found = find();
        if (!found) return nullptr;
        auto image = std::make_shared<const Image>(*std::move(found));
        if (mark) known_images_.remember(*mark, key, image);
        return image;
    }

    void write_lookups(std::span<const MetricsRow> lookups) {
        note([&](Connection & writer) { lookup_table::add(writer, lookups); });
    }

    Situation look_at(Connection & writer, const PullRequest & request, const PullPolicy & policy, Time now) {
        Situation situation;
        situation.pulls = pull_table::candidates(writer, request.key, request.requester, policy, now);
        for (Candidate & each : situation.pulls)
            each.is_stale = !each.pull.ended && stale_.is_stale(each.pull, policy, now);
        situation.image = image_table::find(writer, request.key);
        if (!situation.image) return situation;
        Image & image = *situation.image;
        if (image.last_pull > now) { // a clock that was ahead would keep the tag from being pulled for long
            image.last_pull = now;
            image_table::set_last_pull(writer, image.system, image.id, now);
        }
        situation.own_grant_changed = image_table::grant_changed(writer, image.system, image.id, request.requester);
        return situation;
    }

    Enqueued carry_out(Connection & writer, const Decision & decision, Situation && situation,
                       const PullRequest & request, Time now) {
        switch (decision.verdict) {
        case Verdict::answer_image:
            // A reader of somebody's private image does not keep it; its owners do.
            if (!situation.image->is_private || situation.image->is_owned_by(request.requester))
                claim_table::add(writer, request.key, {request.requester, request.identity.gid, now});
            return {*as_seen_by(asker_of(request), *std::move(situation.image)), false};
        case Verdict::answer_pull: {
            Pull & pull = situation.pulls[decision.pull].pull;
            if (pull.ended && !situation.pulls[decision.pull].was_told)
                pull_table::set_told(writer, pull.number, request.requester);
            return {std::move(pull), false};
        }
        case Verdict::join_pull: {
            Pull & pull = situation.pulls[decision.pull].pull;
            pull_table::join(writer, pull.number, request);
            return {std::move(pull), false};
        }
        case Verdict::start:
            break;
        }
        Pull begun = pull_table::insert(writer, request, now);
        for (const Candidate & each : situation.pulls) {
            if (!each.is_stale) continue;
            pull_table::end(writer, each.pull.number, State::failure,
                            "the service has lost this pull; it was begun anew", true, std::nullopt, now);
            pull_table::move_requesters(writer, each.pull.number, begun.number);
            stale_.forget(each.pull.number);
        }
        return {std::move(begun), true};
    }

    std::unique_ptr<sql::Database> database_;
    ConnectionPool writer_{*database_, sql::Database::Use::writing, 1};
    ConnectionPool noters_{*database_, sql::Database::Use::writing, most_noters};
    ConnectionPool readers_{*database_, sql::Database::Use::reading, most_readers};
    StaleWatch stale_; ///< used by one writer at a time
    LostWatch lost_watch_;
    KnownImages known_images_;
    LookupNotes notes_{
        [this](std::span<const MetricsRow> lookups) { write_lookups(lookups); }}; ///< the last: its end writes
};

} // namespace

std::unique_ptr<Catalog> open_catalog(std::unique_ptr<sql::Database> database) {
    return std::make_unique<SqlCatalog>(std::move(database));
}

std::unique_ptr<Catalog> open_sqlite_catalog(const std::string & path) { return open_catalog(sqlite_database(path)); }

} // namespace shifter::catalog
