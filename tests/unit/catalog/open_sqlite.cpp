#include "samples.hpp"

namespace shifter::catalog::samples {

std::unique_ptr<Catalog> open_in(const Folder & folder) { return open_sqlite_catalog(folder / "catalog"); }

} // namespace shifter::catalog::samples
