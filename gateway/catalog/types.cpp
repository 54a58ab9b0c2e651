#include "catalog/types.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shifter::catalog {

namespace {

constexpr std::array<std::pair<State, std::string_view>, 11> names{{
    {State::init, "INIT"},
    {State::pending, "PENDING"},
    {State::pulling, "PULLING"},
    {State::examination, "EXAMINATION"},
    {State::conversion, "CONVERSION"},
    {State::transfer, "TRANSFER"},
    {State::hashing, "HASHING"},
    {State::ready, "READY"},
    {State::failure, "FAILURE"},
    {State::expiring, "EXPIRING"},
    {State::expired, "EXPIRED"},
}};

bool is_under_way(State state) noexcept {
    return state != State::ready && state != State::failure && state != State::expiring && state != State::expired;
}

template <class Id> void sort_once_each(std::vector<Id> & ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

} // namespace

std::string_view to_string(State state) noexcept {
    for (const auto & [value, name] : names) {
        if (value == state) return name;
    }
    return "UNKNOWN";
}

std::optional<State> state_named(std::string_view name) noexcept {
    if (name == "SUCCESS") return State::ready; // a stored synonym (contract 7.4)
    for (const auto & [value, text] : names) {
        if (text == name) return value;
    }
    return std::nullopt;
}

bool may_follow(State from, State to) noexcept {
    if (to == State::failure) return is_under_way(from);
    switch (from) {
    case State::init:
        return to == State::pending;
    case State::pending:
        return to == State::pulling || to == State::hashing;
    // From here on, a stop of the service puts the work back into the queue.
    case State::pulling:
        return to == State::examination || to == State::transfer || to == State::pending;
    case State::examination:
        return to == State::conversion || to == State::pending;
    case State::conversion:
    case State::hashing:
        return to == State::transfer || to == State::pending;
    case State::transfer:
        return to == State::ready || to == State::pending;
    case State::ready:
        return to == State::expiring;
    case State::expiring:
        return to == State::expired;
    case State::failure:
    case State::expired:
        return false;
    }
    return false;
}

Acl Image::acl() const {
    Acl all;
    if (!is_private) return all;
    for (const Grant & grant : grants) {
        all.users.push_back(grant.owner);
        all.users.insert(all.users.end(), grant.readers.users.begin(), grant.readers.users.end());
        all.groups.insert(all.groups.end(), grant.readers.groups.begin(), grant.readers.groups.end());
    }
    sort_once_each(all.users);
    sort_once_each(all.groups);
    return all;
}

bool Image::holds_grant(const Identity & caller) const {
    return std::any_of(grants.begin(), grants.end(), [&](const Grant & grant) {
        return grant.owner == caller.uid || (!grant.readers.is_public() && grant.readers.may_read(caller));
    });
}

bool Image::is_owned_by(uid_t uid) const {
    return std::any_of(grants.begin(), grants.end(), [&](const Grant & grant) { return grant.owner == uid; });
}

std::string Image::index_of(const std::string & tag) const {
    const auto found =
        std::find_if(indexes.begin(), indexes.end(), [&](const TagIndex & index) { return index.tag == tag; });
    return found == indexes.end() ? std::string{} : found->digest;
}

bool Image::is_of_index(const std::string & digest) const {
    return std::any_of(indexes.begin(), indexes.end(), [&](const TagIndex & index) { return index.digest == digest; });
}

bool Image::may_see_tag(const Identity & caller, const std::string & tag) const {
    if (!may_read(caller)) return false;
    const bool is_private_tag = std::find(private_tags.begin(), private_tags.end(), tag) != private_tags.end();
    return !is_private_tag || holds_grant(caller);
}

std::string Dropped::sentence() const {
    struct Kind {
        std::uint64_t count;
        const char * one;
        const char * more;
    };
    std::string text;
    for (const Kind & kind : {Kind{devices, "device", "devices"}, Kind{setid_bits, "set-id bit", "set-id bits"},
                              Kind{xattrs, "extended attribute", "extended attributes"}}) {
        if (kind.count == 0) continue;
        text +=
            (text.empty() ? "" : " and ") + std::to_string(kind.count) + " " + (kind.count == 1 ? kind.one : kind.more);
    }
    if (text.empty()) return text;
    return text + " of its layers " + (devices + setid_bits + xattrs == 1 ? "was" : "were") + " left out";
}

} // namespace shifter::catalog
