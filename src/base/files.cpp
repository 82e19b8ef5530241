#include "autosampling/base/files.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/base/error.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* what, const fs::path& path, int error) {
    const char* hint = "check its permissions and the disk";
    if (error == ENOSPC || error == EDQUOT) hint = "free some space or raise the quota";
    const std::string room = error == ENOSPC || error == EDQUOT ? "; " + bytes_text(free_bytes(path)) + " free" : "";
    if (error == EFBIG) hint = "raise the limit of a file's size (ulimit -f)";
    if (error == ENOENT) hint = "check the path";
    throw Error(ExitCode::failure,
                text("cannot ", what, " ", path.string(), " (", std::strerror(error), room, "): ", hint));
}

// An open file descriptor.
class File {
  public:
    File(const fs::path& path, int flags) : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
        if (descriptor_ < 0) fail("open", path_, errno);
    }
    ~File() { ::close(descriptor_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    void write(std::string_view text) {
        while (!text.empty()) {
            const ssize_t written = ::write(descriptor_, text.data(), text.size());
            if (written >= 0)
                text.remove_prefix(static_cast<std::size_t>(written));
            else if (errno != EINTR)
                fail("write", path_, errno);
        }
    }

    void sync() {
        // Some file systems know no fsync of a folder; there is nothing more to ask of them.
        if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) fail("force to disk", path_, errno);
    }

  private:
    fs::path path_;
    int descriptor_;
};

} // namespace

fs::path temporary_name(const fs::path& path) {
    return fs::path(path) += ".tmp";
}

void publish(const fs::path& path) {
    const fs::path temporary = temporary_name(path);
    File(temporary, O_RDONLY).sync();
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail("rename to", path, errno);
    sync_folder(path.parent_path());
}

NewFile::NewFile(fs::path path) : path_(std::move(path)) {
    remove();
}

NewFile::~NewFile() {
    if (!path_.empty()) remove();
}

void NewFile::remove() const {
    std::error_code ignored;
    fs::remove(temporary_name(path_), ignored);
}

void NewFile::publish() {
    autosampling::publish(path_);
    path_.clear();
}

void sync_folder(const fs::path& folder) {
    File(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY).sync();
}

void write_file(const fs::path& path, std::string_view text) {
    NewFile file(path);
    File out(temporary_name(path), O_WRONLY | O_CREAT | O_EXCL);
    out.write(text);
    file.publish();
}

fs::path set_aside(const fs::path& path, const fs::path& folder) {
    fs::create_directories(folder);
    fs::path target = folder / path.filename();
    for (int number = 2; fs::exists(target); ++number) target = folder / text(path.filename().string(), ".", number);
    fs::rename(path, target);
    sync_folder(folder);
    sync_folder(path.parent_path());
    return target;
}

std::string read_file(const fs::path& path) {
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in || fs::is_directory(path)) fail("read", path, in ? EISDIR : errno);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    if (in.bad()) fail("read", path, EIO);
    return content;
}

} // namespace autosampling
