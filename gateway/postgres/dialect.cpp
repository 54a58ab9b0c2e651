#include "postgres/dialect.hpp"

#include <utility>

namespace shifter::postgres {

namespace {

struct Word {
    std::string_view sqlite;
    std::string_view postgres;
};

// The longest first: a word that is found is not looked at again.
constexpr Word statement_words[] = {
    {"/* FOR UPDATE SKIP LOCKED */", "FOR UPDATE SKIP LOCKED"},
    {"/* OVERRIDING SYSTEM VALUE */", "OVERRIDING SYSTEM VALUE"},
    {"SELECT max(number) FROM images /* IS THE LAST NUMBER */",
     "SELECT setval(pg_get_serial_sequence('images', 'number'), max(number)) FROM images"},
    {"SELECT max(number) FROM pulls /* IS THE LAST NUMBER */",
     "SELECT setval(pg_get_serial_sequence('pulls', 'number'), max(number)) FROM pulls"},
    {"SELECT max(number) FROM lookups /* IS THE LAST NUMBER */",
     "SELECT setval(pg_get_serial_sequence('lookups', 'number'), max(number)) FROM lookups"},
    {"group_concat(", "string_agg("},
};
constexpr Word schema_words[] = {
    {"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
    {"INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
    {" STRICT, WITHOUT ROWID", ""},
    {" STRICT", ""},
    {"INTEGER", "BIGINT"},
    {"TEXT", "TEXT COLLATE \"C\""},
};

template <std::size_t Count> std::string translate(std::string_view sql, const Word (&words)[Count]) {
    std::string text;
    while (!sql.empty()) {
        bool is_known = false;
        for (const Word & word : words) {
            if (sql.substr(0, word.sqlite.size()) != word.sqlite) continue;
            text += word.postgres;
            sql.remove_prefix(word.sqlite.size());
            is_known = true;
            break;
        }
        if (is_known) continue;
        text += sql.front();
        sql.remove_prefix(1);
    }
    return text;
}

} // namespace

std::string statement_in_postgres(std::string_view sql) {
    std::string text;
    unsigned count = 0;
    bool is_quoted = false; // a question mark in a literal is one
    const std::string words = translate(sql, statement_words);
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == '\'') is_quoted = !is_quoted;
        if (words[i] != '?' || is_quoted) {
            text += words[i];
            continue;
        }
        text += '$';
        const bool is_numbered = i + 1 < words.size() && words[i + 1] >= '0' && words[i + 1] <= '9';
        if (!is_numbered) text += std::to_string(++count);
    }
    return text;
}

std::string schema_in_postgres(std::string_view sql) { return translate(sql, schema_words); }

} // namespace shifter::postgres
