#include "base/error.hpp"
#include "postgres/postgres.hpp"

#include <catch2/catch.hpp>

using namespace shifter;

TEST_CASE("I36: the address of the database is shown without its password, wherever that stands") {
    const auto [address, shown] = GENERATE(table<std::string, std::string>({
        {"postgresql://db/shifter", "postgresql://db/shifter"},
        {"postgresql://gw@db/shifter", "postgresql://gw@db/shifter"},
        {"postgresql://gw:secret@db:5432/shifter", "postgresql://gw@db:5432/shifter"},
        {"postgres://gw:se:cr@et@db/shifter", "postgres://gw@db/shifter"},
        {"postgresql://gw:secret@one:5432,two:5432/x", "postgresql://gw@one:5432,two:5432/x"},
        {"postgresql:///x?password=secret", "postgresql:///x?password="},
        {"postgresql:///x?user=gw&password=secret&host=/run", "postgresql:///x?user=gw&password=&host=/run"},
    }));
    CHECK(postgres::without_password(address) == shown);
    CHECK(postgres::has_password(address) == (address != shown));
}

TEST_CASE("R9: a server that is not there is said in one sentence, without the password") {
    CHECK_THROWS_AS(postgres::open_catalog("postgresql://gw:secret@/x?host=/nonexistent"), catalog::Unavailable);
    try {
        (void)postgres::open_catalog("postgresql://gw:secret@/x?host=/nonexistent");
    } catch (const Error & error) {
        const std::string sentence = error.what();
        CHECK(sentence.rfind("cannot use the catalog \"postgresql://gw@/x?host=/nonexistent\": ", 0) == 0);
        CHECK(sentence.find('\n') == std::string::npos);
        CHECK(sentence.find("secret") == std::string::npos);
    }
}
