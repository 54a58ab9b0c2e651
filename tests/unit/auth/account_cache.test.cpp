#include "auth/account_cache.hpp"
#include "base/error.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace shifter;
using namespace shifter::auth;
using namespace std::chrono_literals;

namespace {

/** An account database whose answers the test decides, and a clock that it moves. */
struct Database {
    std::vector<gid_t> groups = {100};
    bool has_account = true;
    bool is_in_trouble = false;
    std::atomic<unsigned> asked{0};
    AccountCache::Clock::time_point now{};
    std::chrono::milliseconds takes{0}; ///< for an answer

    AccountCache cache(std::chrono::seconds age) {
        const auto find = [this](uid_t uid) -> std::optional<Account> {
            ++asked;
            if (is_in_trouble) throw Error{"the database does not answer"};
            if (!has_account) return std::nullopt;
            Account answer{"user" + std::to_string(uid), {uid, 100, groups}};
            now += takes;
            return answer;
        };
        return AccountCache{age, find, [this] { return now; }};
    }
};

} // namespace

TEST_CASE(
    "R16, I33: who was put out of a group is out of it when the stated time is over, and not asked about before") {
    Database database;
    database.groups = {100, 500};
    auto cache = database.cache(5s);
    CHECK(cache.find(1001)->identity.in_group(500));
    database.groups = {100};
    database.now += 4999ms;
    CHECK(cache.find(1001)->identity.in_group(500));
    CHECK(database.asked == 1);
    database.now += 1ms;
    CHECK_FALSE(cache.find(1001)->identity.in_group(500));
    CHECK(database.asked == 2);
}

TEST_CASE("R16, I33: the time counts from the question, since an answer may be old when it comes") {
    Database database;
    database.takes = 3s;
    auto cache = database.cache(5s);
    CHECK(cache.find(1001));
    database.now += 1999ms;
    CHECK(cache.find(1001));
    CHECK(database.asked == 1);
    database.now += 1ms;
    CHECK(cache.find(1001));
    CHECK(database.asked == 2);
}

TEST_CASE("with a time of 0 the database is asked for every request") {
    Database database;
    auto cache = database.cache(0s);
    CHECK(cache.find(1001)->name == "user1001");
    database.groups = {7};
    CHECK(cache.find(1001)->identity.groups == std::vector<gid_t>{7});
    CHECK(database.asked == 2);
}

TEST_CASE("each account is its own, and one that is not there is asked for again") {
    Database database;
    auto cache = database.cache(5s);
    CHECK(cache.find(1001)->identity.uid == 1001);
    CHECK(cache.find(1002)->identity.uid == 1002);
    database.has_account = false;
    CHECK(cache.find(1001)->name == "user1001");
    CHECK_FALSE(cache.find(1003));
    database.now += 5s;
    CHECK_FALSE(cache.find(1001)); // removed meanwhile
    database.has_account = true;
    CHECK(cache.find(1003)->name == "user1003");
    CHECK(cache.find(1001)->name == "user1001");
}

TEST_CASE("R9: a database that does not answer is no reason to believe what is too old") {
    Database database;
    auto cache = database.cache(5s);
    (void)cache.find(1001);
    database.is_in_trouble = true;
    CHECK(cache.find(1001)->name == "user1001");
    database.now += 5s;
    CHECK_THROWS_AS(cache.find(1001), Error);
    database.is_in_trouble = false;
    CHECK(cache.find(1001)->name == "user1001");
}

TEST_CASE("R16: so many accounts are known at a time, and then it begins anew") {
    Database database;
    auto cache = database.cache(5s);
    for (uid_t uid = 0; uid < AccountCache::most_accounts; ++uid) (void)cache.find(uid);
    const unsigned before = database.asked;
    (void)cache.find(0);
    CHECK(database.asked == before);
    (void)cache.find(AccountCache::most_accounts); // one more than fit
    (void)cache.find(0);
    CHECK(database.asked == before + 2);
    (void)cache.find(AccountCache::most_accounts);
    CHECK(database.asked == before + 2);
}

TEST_CASE("threads that ask at once get the same answer") {
    Database database;
    auto cache = database.cache(5s);
    std::atomic<unsigned> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (uid_t uid = 0; uid < 500; ++uid)
                    if (cache.find(uid % 50)->identity.uid != uid % 50) ++wrong;
            });
    }
    CHECK(wrong == 0);
    CHECK(database.asked <= 200);
}
