// Here for the sake of its precompiled header: catch2/catch.hpp, which all unit tests use.
int main() {}
