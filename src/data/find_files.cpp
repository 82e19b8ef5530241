#include "formats.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>

namespace autosampling::detail {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> regular_files(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        std::error_code ignored; // a file that has just gone is no regular file
        if (entry->is_regular_file(ignored)) names.push_back(entry->path().filename().string());
    }
    VALIDATE(!error, ExitCode::data, folder.string(), ": cannot be listed (", error.message(),
             "): check data.path and its permissions");
    // The shortest name first: the plain file goes before a packed one, and name.gz before name.gz.part.
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    return names;
}

// The files that go by one of the names: the one to read first.
std::vector<std::string> candidates(const std::vector<std::string>& there, const FileNames& names) {
    std::vector<std::string> found;
    for (const auto& name : names) {
        std::copy_if(there.begin(), there.end(), std::back_inserter(found), [&](const std::string& candidate) {
            return (candidate == name || candidate.starts_with(name + ".")) &&
                   std::find(found.begin(), found.end(), candidate) == found.end();
        });
    }
    return found;
}

bool have_equal_bytes(CompressedFile& first, CompressedFile& second) {
    std::vector<std::byte> one(1 << 16), other(one.size());
    for (;;) {
        const auto length = first.read(one);
        if (second.read(other) != length || !std::equal(one.begin(), one.begin() + length, other.begin())) return false;
        if (length < one.size()) return true;
    }
}

// Whether a compressed file that goes by the same name holds something else than the one that is read. What can't be
// read or isn't compressed is a part of a file, a checksum or the like.
bool contradicts(const fs::path& twin, const fs::path& chosen) {
    CompressedFile file(chosen);
    try {
        CompressedFile other(twin);
        return !other.is_plain() && !have_equal_bytes(file, other);
    } catch (const Error&) {
        return false;
    }
}

std::string hint(const DataOptions& options) {
    return text(": get the files with `jobs/get-data.sh ", options.name, " FOLDER`, or correct data.path");
}

} // namespace

void find_files(DatasetPlan& plan, const std::vector<std::string>& sub_folders, const std::vector<FileNames>& wanted) {
    const DataOptions& options = plan.options;
    VALIDATE(!options.path.empty(), ExitCode::usage, "data.path is empty (data.name = \"", options.name,
             "\" is read from files): set it to the folder that holds them");
    const fs::path root = options.path;
    std::error_code ignored;
    VALIDATE(fs::is_directory(root, ignored), ExitCode::data, root.string(), ": no such folder (data.path)",
             hint(options));
    std::vector<fs::path> folders{root};
    for (const auto& sub_folder : sub_folders) folders.push_back(root / sub_folder);
    std::string looked_in;
    for (const auto& folder : folders) {
        looked_in += (looked_in.empty() ? "" : ", ") + folder.string();
        if (!fs::is_directory(folder, ignored)) continue;
        const auto there = regular_files(folder);
        std::vector<fs::path> files;
        std::string missing;
        for (const auto& file : wanted) {
            const auto names = candidates(there, file);
            if (names.empty())
                missing += (missing.empty() ? "" : ", ") + (folder / file.front()).string();
            else
                files.push_back(folder / names.front());
            for (std::size_t i = 1; i < names.size(); ++i) {
                if (contradicts(folder / names[i], files.back()))
                    plan.warnings.push_back(text((folder / names[i]).string(), " holds something else than ",
                                                 files.back().string(), ", which is read"));
            }
        }
        VALIDATE(files.empty() || missing.empty(), ExitCode::data, missing, ": no such file, plain or compressed (",
                 wanted.size() - files.size(), " of ", wanted.size(), " files of ", options.name, " missing)",
                 hint(options));
        if (missing.empty()) {
            plan.files = files;
            return;
        }
    }
    throw Error(ExitCode::data, text(root.string(), ": holds no ", wanted.front().front(),
                                     ", plain or compressed (looked in ", looked_in, ")", hint(options)));
}

} // namespace autosampling::detail
