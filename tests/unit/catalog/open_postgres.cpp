// A schema of its own for each folder, on the server that SHIFTER_TEST_POSTGRES names.
#include "samples.hpp"

#include "postgres/postgres.hpp"

#include <pqxx/connection>
#include <pqxx/nontransaction>

namespace shifter::catalog::samples {

std::unique_ptr<Catalog> open_in(const Folder & folder) {
    const char * server = std::getenv("SHIFTER_TEST_POSTGRES"); // NOLINT(concurrency-mt-unsafe)
    if (server == nullptr) throw Error{"SHIFTER_TEST_POSTGRES names no server"};
    const std::string schema = "t" + std::to_string(std::hash<std::string>{}(folder.path()));
    pqxx::connection connection{server};
    pqxx::nontransaction{connection}.exec("CREATE SCHEMA IF NOT EXISTS " + connection.quote_name(schema));
    return postgres::open_catalog(std::string{server} + "&options=-csearch_path%3D" + schema);
}

} // namespace shifter::catalog::samples
