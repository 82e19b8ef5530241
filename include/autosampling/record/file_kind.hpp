// What a file that somebody gives is, by its content.
#pragma once

#include <filesystem>
#include <string>

namespace autosampling {

// The filetype of a file of this program ("autosampling state"); of another, words for a message ("a zip archive, as
// torch.save writes it"). Throws Error(checkpoint) where it can't be read or its checksum doesn't hold.
std::string file_kind(const std::filesystem::path& path);

} // namespace autosampling
