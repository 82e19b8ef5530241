// What a file is, and who wrote it: the root attributes that every file has.
#pragma once

#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/run_record.hpp"

#include <string>

namespace autosampling {

// filetype, format version, program.
void write_identity(Hdf5File& file, const std::string& filetype);
// That, the run and the job, and with them the configuration and the ranks.
void write_identity(Hdf5File& file, const std::string& filetype, const RunHeader& header, const Launch& launch);

RunHeader read_header(const Hdf5File& file);
RunHeader read_header_without_examples(const Hdf5File& file);

// A file of this type and of a format version that this program reads; else throws Damaged, or Error(checkpoint) for
// another version.
Hdf5File open_identified(const std::filesystem::path& path, const std::string& filetype);

} // namespace autosampling
