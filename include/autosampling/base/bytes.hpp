// Numbers of bytes for people.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace autosampling {

// "3.2 kB", "1.0 MB", "5.1 GB".
std::string bytes_text(std::int64_t count);

// Bytes that may still be written to the file system that a path lies on, or will lie on; −1 where it can't be told.
std::int64_t free_bytes(std::filesystem::path path);

// Of the files in a folder and below it; 0 where it isn't there.
std::int64_t bytes_in(const std::filesystem::path& folder);

// "3.2 MB wanted, 1.1 MB free", for errors and warnings about a disk; without what is wanted where that is 0: unknown.
std::string room_text(const std::filesystem::path& path, std::int64_t wanted);

} // namespace autosampling
