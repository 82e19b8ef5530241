#include "image_tree.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"

#include <algorithm>
#include <cctype>
#include <system_error>

namespace autosampling::detail {

namespace {

namespace fs = std::filesystem;

struct Entries {
    std::vector<std::string> folders, files;
    std::uint64_t hidden = 0;
};

Entries entries_of(const fs::path& folder) {
    Entries entries;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        std::error_code unknown;
        if (name.starts_with('.'))
            ++entries.hidden;
        else
            (entry->is_directory(unknown) ? entries.folders : entries.files).push_back(name);
    }
    VALIDATE(!error, ExitCode::data, folder.string(), ": cannot be listed (", error.message(),
             "): give a folder that holds a folder a class");
    std::sort(entries.folders.begin(), entries.folders.end(), natural_less);
    std::sort(entries.files.begin(), entries.files.end(), natural_less);
    return entries;
}

void add_files(const fs::path& root, const fs::path& folder, std::int32_t label, ImageTree& tree,
               std::uint64_t& hidden) {
    const Entries entries = entries_of(root / folder);
    hidden += entries.hidden;
    for (const std::string& name : entries.files) {
        std::error_code error; // what can't be read is found out later
        const auto bytes = fs::file_size(root / folder / name, error);
        tree.files.push_back({folder / name, label, error ? 0 : bytes});
    }
    for (const std::string& name : entries.folders) {
        VALIDATE(!is_within(root / folder, root / folder / name), ExitCode::data, (root / folder / name).string(),
                 ": a link to a folder that it is in: remove it");
        add_files(root, folder / name, label, tree, hidden);
    }
}

} // namespace

bool natural_less(const std::string& a, const std::string& b) {
    const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (!digit(a[i]) || !digit(b[j])) {
            if (a[i] != b[j]) return a[i] < b[j];
            ++i, ++j;
            continue;
        }
        const auto number = [&](const std::string& name, std::size_t& at) { // without zeros ahead
            while (at < name.size() && name[at] == '0') ++at;
            const std::size_t begin = at;
            while (at < name.size() && digit(name[at])) ++at;
            return name.substr(begin, at - begin);
        };
        const std::string first = number(a, i), second = number(b, j);
        if (first.size() != second.size()) return first.size() < second.size();
        if (first != second) return first < second;
    }
    if (i < a.size() || j < b.size()) return j < b.size();
    return a < b;
}

bool is_within(const fs::path& path, const fs::path& folder) {
    std::error_code error;
    const fs::path inner = fs::weakly_canonical(path, error), outer = fs::weakly_canonical(folder, error);
    return !error && std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

ImageTree list_images(const fs::path& root, const std::vector<std::string>& classes,
                      const std::function<void(const std::string&)>& say) {
    const Entries top = entries_of(root);
    std::uint64_t hidden = top.hidden;
    ImageTree tree;
    tree.classes = classes.empty() ? top.folders : classes;
    VALIDATE(tree.classes.size() >= 2, ExitCode::data, root.string(), ": holds ", counted(top.folders.size(), "folder"),
             " (there is one a class, and two classes at least): give the folder above those of the classes");
    VALIDATE(!top.folders.empty(), ExitCode::data, root.string(),
             ": holds no folder (there is one a class): give the folder above those of the classes");
    for (const std::string& name : top.folders) {
        const auto known = std::find(tree.classes.begin(), tree.classes.end(), name);
        VALIDATE(known != tree.classes.end(), ExitCode::data, (root / name).string(),
                 ": a class that the training images don't have: remove it, or add it there");
        const auto before = tree.files.size();
        add_files(root, name, static_cast<std::int32_t>(known - tree.classes.begin()), tree, hidden);
        VALIDATE(tree.files.size() > before, ExitCode::data, (root / name).string(),
                 ": a class without images: remove the folder, or put some there");
    }
    if (!top.files.empty())
        say(text(root.string(), ": ", counted(top.files.size(), "file"), " beside the class folders left out, such as ",
                 top.files.front()));
    if (hidden > 0) say(text(root.string(), ": ", counted(hidden, "hidden name"), " left out"));
    return tree;
}

} // namespace autosampling::detail
