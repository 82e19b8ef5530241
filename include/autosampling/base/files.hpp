// Files that are whole or not there: written under a name ending in .tmp, forced to disk, renamed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace autosampling {

// The name under which a file is written before `publish` gives it its own: path + ".tmp".
std::filesystem::path temporary_name(const std::filesystem::path& path);

// Forces temporary_name(path) to disk, renames it to path, forces the folder to disk. Throws Error(failure).
void publish(const std::filesystem::path& path);

// Stands for temporary_name(path) while it is being written: removes it unless it was published. Made before the file,
// it removes what has that name, so that a symbolic link there leads nobody to write elsewhere.
class NewFile {
  public:
    NewFile() = default;
    explicit NewFile(std::filesystem::path path);
    ~NewFile();
    NewFile(NewFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    NewFile& operator=(NewFile&& other) noexcept {
        std::swap(path_, other.path_);
        return *this;
    }
    // As the function above.
    void publish();

  private:
    void remove() const;

    std::filesystem::path path_; // empty: none
};

// Forces a folder's entries to disk. Throws Error(failure).
void sync_folder(const std::filesystem::path& folder);

// Writes `text` to temporary_name(path) and publishes it. What can't be written whole leaves nothing. Throws
// Error(failure).
void write_file(const std::filesystem::path& path, std::string_view text);

// Moves a file or folder into `folder`, under another name where there is one of its name already. Returns where it is.
std::filesystem::path set_aside(const std::filesystem::path& path, const std::filesystem::path& folder);

// The whole file. Throws Error(failure) when it cannot be read.
std::string read_file(const std::filesystem::path& path);

} // namespace autosampling
