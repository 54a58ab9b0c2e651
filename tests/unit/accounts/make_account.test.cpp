#include "accounts/make_account.hpp"

#include "base/error.hpp"
#include "site/account.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

using namespace shifter;

namespace {

const PasswdEntry ann = {"ann", 1000, 100, "Ann", "/home/ann", "/bin/sh"};
const AccountQuestion generated = {{1000, 100, {20, 30}}, "/nowhere", true, 0, {"svc"}};

std::string failure_of(const AccountQuestion & question, const KnownAccounts & known) {
    try {
        (void)make_account(question, known, "the name service");
    } catch (const Error & error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("generated files hold the caller, the site's imports and the stubs, and the groups that are known (5.6)") {
    const KnownAccounts known = {
        ann, {{"svc", 7, 70, "", "/", "/bin/false"}}, {{"users", 100, {}}, {"proj", 20, {}}, {"svc", 70, {}}}};
    const Account account = make_account(generated, known, "");
    CHECK(account.name == "ann");
    CHECK(account.passwd ==
          "ann:x:1000:100:Ann:/home/ann:/bin/sh\nsvc:x:7:70::/:/bin/false\nroot:x:0:0:root:/root:/bin/sh\n"
          "nobody:x:65534:65534:nobody:/:/bin/false\nsshd:x:65533:65534:sshd:/var/empty:/bin/false\n");
    CHECK(account.group == "root:x:0:\nusers:x:100:\nproj:x:20:ann\nsvc:x:70:\nnogroup:x:65534:\n");
}

TEST_CASE("I19: a caller without a name, root, and a field that breaks a line make no account") {
    CHECK(failure_of(generated, {}) ==
          "uid 1000 has no name in the name service; ask your site to add the account there");
    CHECK(failure_of(generated, {PasswdEntry{"root", 1000, 100, "", "/", ""}, {}, {}}) ==
          "it is not for root: run it as an ordinary user");
    const std::string bad = GENERATE(as<std::string>{}, "a:b", "a\nb", "a/b", "a\"b", "a,b", "a\\b");
    CHECK(failure_of(generated, {PasswdEntry{bad, 1000, 100, "", "/", ""}, {}, {}}) ==
          "the account of uid 1000 in the name service has a field that cannot stand in a passwd file");
}

TEST_CASE("I16: an account is the same after its way between two processes, and half of one is none") {
    const Account account = {"ann", "ann:x:1:2:::\n", "root:x:0:\n"};
    const std::string text = encode(account);
    const auto again = decode_account(text);
    REQUIRE(again);
    CHECK(again->name == account.name);
    CHECK(again->passwd == account.passwd);
    CHECK(again->group == account.group);
    CHECK_FALSE(decode_account(""));
    CHECK_FALSE(decode_account(text.substr(0, 3)));
    CHECK_FALSE(decode_account(text + std::string(1, '\0')));
}

TEST_CASE("the question is the same after its way as words of a command") {
    const auto again = parse_account_question(to_words(generated));
    REQUIRE(again);
    CHECK(to_words(*again) == to_words(generated));
    CHECK(again->caller.groups == std::vector<gid_t>{20, 30});
    CHECK(again->imports == std::vector<std::string>{"svc"});
    const AccountQuestion alone = {{1, 2, {}}, "/etc", false, 5, {}};
    CHECK(to_words(parse_account_question(to_words(alone)).value_or_throw("words")) == to_words(alone));
    const auto bad = GENERATE(values<std::vector<std::string>>({{},
                                                                {"1", "2", "", "/e", "0"},
                                                                {"x", "2", "", "/e", "0", "0"},
                                                                {"1", "2", "3,x", "/e", "0", "0"},
                                                                {"1", "2", "", "/e", "2", "0"}}));
    CHECK_FALSE(parse_account_question(bad));
}

TEST_CASE("R16: passwd and group are read up to 64 MiB, and refused beyond") {
    if (!test::is_root()) return; // trust needs files of root's
    constexpr off_t limit = off_t{64} << 20U;
    const test::ScratchDirectory scratch;
    const std::string passwd = scratch.write("passwd", "svc:x:7:70::/:/bin/false\nann:x:1000:100:Ann:/home/ann:/bin/sh\n");
    const std::string group = scratch.write("group", "users:x:100:\n");
    const auto asked = [&] {
        return test::failure_of([&] {
            const auto known = accounts_from_files({{1000, 100, {}}, scratch.path(), true, 0, {"svc"}});
            const uid_t uid = uid_of_account("svc", passwd);
            CHECK(known.user.value().name == "ann");
            CHECK(uid == 7);
        });
    };
    const std::string & file = GENERATE(true, false) ? passwd : group;
    // The rest is a hole, which is one line that says nothing.
    REQUIRE(::truncate(file.c_str(), limit) == 0);
    CHECK(asked() == "it worked");
    REQUIRE(::truncate(file.c_str(), limit + 1) == 0);
    const std::string refusal = "\"" + file + "\" has more than 67108864 bytes";
    CHECK(asked() == refusal);
    if (file == passwd) CHECK(test::failure_of([&] { (void)uid_of_account("svc", passwd); }) == refusal);
}
