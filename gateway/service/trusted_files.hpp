/**
 * @file
 * Files that imagemanager.json names and that decide what is published: nobody but root and the service's own account
 * may be able to write them, or a directory on the way to them (I37).
 */
#pragma once

#include "registry/signature_policy.hpp"
#include "service/key.hpp"

#include <memory>
#include <string>

namespace shifter::service::readers {

/** The path of a program that this account may run; null and "" leave `path` as it is. */
[[nodiscard]] Refusal read_program(const Value & value, std::string & path);
/** A file that others may not even read (I36), and what is in it; null and "" leave both as they are. */
[[nodiscard]] Refusal read_secret_file(const Value & value, std::string & path, std::string & text);
/** The path of such a file. */
[[nodiscard]] Refusal read_secret_path(const Value & value, std::string & path);
/** A policy.json and the keys that it names; null and "" leave `policy` as it is. */
[[nodiscard]] Refusal read_policy_file(const Value & value, std::shared_ptr<const registry::SignaturePolicy> & policy);

} // namespace shifter::service::readers
