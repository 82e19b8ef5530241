// analysis/RECORD_FORMAT.md against files just written, both ways.
#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/join.hpp"
#include "example_run.hpp"

#include <hdf5_hl.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace autosampling::example {
namespace {

namespace fs = std::filesystem;

// One line of the document's tables; of a dataset or attribute of a file, without `in` and `where`.
struct Entry {
    std::string type, dimensions, units, meaning;
    std::string in, where; // letters of file types; the condition
};

struct Document {
    std::map<std::string, Entry> datasets, attributes;
    std::set<std::string> dimensions;
};

// The cells of a row of a table, without blanks and back-quotes around them.
std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells;
    std::istringstream in(line.substr(1));
    for (std::string cell; std::getline(in, cell, '|');) {
        const std::size_t begin = cell.find_first_not_of(" `");
        cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, cell.find_last_not_of(" `") - begin + 1));
    }
    return cells;
}

Document read_document() {
    Document document;
    std::ifstream in(TEST_DATA "/../../analysis/RECORD_FORMAT.md");
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("| `")) continue;
        const std::vector<std::string> c = cells_of(line);
        // state_hash: by cycle in the record, by state in a checkpoint
        if (c.size() == 7) document.datasets[c[0] + (c[4] == "C" ? "@C" : "")] = {c[1], c[2], c[3], c[6], c[4], c[5]};
        if (c.size() == 5) document.attributes[c[0]] = {c[1], "", "", "", c[2], c[3]};
        if (c.size() == 3) document.dimensions.insert(c[0]);
    }
    return document;
}

std::string type_name(hid_t type) {
    const std::string bits = std::to_string(8 * H5Tget_size(type));
    if (H5Tget_class(type) == H5T_STRING) return "string";
    if (H5Tget_class(type) == H5T_FLOAT) return "float" + bits;
    return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits;
}

std::string text_attribute(hid_t dataset, const char* name) {
    char* value = nullptr;
    const Hdf5Attribute attribute(H5Aopen(dataset, name, H5P_DEFAULT));
    const Hdf5Type type(H5Aget_type(attribute.get()));
    if (H5Aread(attribute.get(), type.get(), &value) < 0) return "none";
    std::string text = value;
    H5free_memory(value);
    return text;
}

// The names of the scales attached to a dataset, one an axis; a scale's own name.
std::string dimensions_of(hid_t dataset, const std::string& name) {
    const Hdf5Space space(H5Dget_space(dataset));
    std::string names;
    for (int axis = 0; axis < H5Sget_simple_extent_ndims(space.get()); ++axis) {
        std::string scale = name;
        const auto take = [](hid_t, unsigned, hid_t id, void* out) -> herr_t {
            char path[256];
            H5Iget_name(id, path, sizeof path);
            *static_cast<std::string*>(out) = path + 1;
            return 0;
        };
        if (H5DSis_scale(dataset) <= 0) {
            if (H5DSget_num_scales(dataset, static_cast<unsigned>(axis)) == 0) continue;
            H5DSiterate_scales(dataset, static_cast<unsigned>(axis), nullptr, take, &scale);
        }
        names += (names.empty() ? "" : ", ") + scale;
    }
    return names;
}

struct Described {
    std::map<std::string, Entry> datasets, attributes;
    std::set<std::string> dimensions;
};

herr_t describe_object(hid_t group, const char* name, const H5L_info_t*, void* out) {
    auto& described = *static_cast<Described*>(out);
    const Hdf5Dataset dataset(H5Dopen2(group, name, H5P_DEFAULT));
    if (dataset.get() < 0) return 0; // a group
    if (H5DSis_scale(dataset.get()) > 0) described.dimensions.insert(name);
    char label[256] = "";
    H5DSget_scale_name(dataset.get(), label, sizeof label);
    if (std::string(label).starts_with("This is a netCDF dimension")) return 0;
    EXPECT_EQ(H5Aexists(dataset.get(), "_FillValue"), 0) << name;
    const Hdf5Type type(H5Dget_type(dataset.get()));
    described.datasets[name] = {type_name(type.get()),
                                dimensions_of(dataset.get(), name),
                                text_attribute(dataset.get(), "units"),
                                text_attribute(dataset.get(), "long_name"),
                                "",
                                ""};
    return 0;
}

herr_t describe_attribute(hid_t root, const char* name, const H5A_info_t*, void* out) {
    const Hdf5Attribute attribute(H5Aopen(root, name, H5P_DEFAULT));
    const Hdf5Type type(H5Aget_type(attribute.get()));
    static_cast<Described*>(out)->attributes[name] = {type_name(type.get()), "", "", "", "", ""};
    return 0;
}

Described describe(const fs::path& path) {
    Described described;
    const Hdf5Handle<H5Fclose> file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    H5Lvisit(file.get(), H5_INDEX_NAME, H5_ITER_INC, describe_object, &described);
    H5Aiterate2(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, describe_attribute, &described);
    return described;
}

// The document's name for a dataset or attribute of a file of this letter.
std::string documented_name(const std::string& name, char letter) {
    if (name.starts_with("sampling/")) return "sampling/*@C";
    if (name.starts_with("version_")) return "version_*";
    if (letter == 'C' && (name.starts_with("state_"))) return name + "@C";
    return name;
}

// Which conditions of the document are fulfilled in a file.
enum class Conditions { all, none };

void compare(const std::map<std::string, Entry>& documented, const std::map<std::string, Entry>& found, char letter,
             Conditions conditions) {
    std::set<std::string> names;
    for (const auto& [name, entry] : found) {
        SCOPED_TRACE(name);
        const std::string key = documented_name(name, letter);
        names.insert(key);
        const auto line = documented.find(key);
        if (line == documented.end() || line->second.in.find(letter) == std::string::npos) {
            ADD_FAILURE() << "is in the file, but not in the document";
            continue;
        }
        if (key == "sampling/*@C") continue;
        EXPECT_EQ(entry.type, line->second.type);
        EXPECT_EQ(entry.dimensions, line->second.dimensions);
        EXPECT_EQ(entry.units, line->second.units);
        EXPECT_EQ(entry.meaning, line->second.meaning);
    }
    for (const auto& [key, line] : documented) {
        if (line.in.find(letter) == std::string::npos) continue;
        const bool expected =
            line.where.empty() || conditions == Conditions::all || (letter != 'S' && line.where.starts_with("in S: "));
        EXPECT_EQ(names.contains(key), expected) << key << " is in the document";
    }
}

class Format : public testing::Test {
  protected:
    void check(const fs::path& path, char letter, Conditions conditions) {
        SCOPED_TRACE(path.string());
        const Described found = describe(path);
        compare(document_.datasets, found.datasets, letter, conditions);
        compare(document_.attributes, found.attributes, letter, conditions);
        for (const std::string& dimension : found.dimensions)
            EXPECT_TRUE(document_.dimensions.contains(dimension)) << dimension;
        used_.insert(found.dimensions.begin(), found.dimensions.end());
    }

    Document document_ = read_document();
    std::set<std::string> used_; // dimensions
    Folder run_;
};

TEST_F(Format, document_lists_just_what_the_files_hold) {
    ASSERT_GT(document_.datasets.size(), 40U);
    write_segments(run_.path());
    write_segment(run_.path(), header(), launch(), segment(0, 4)); // with an epoch
    fs::remove(segment_name(run_.path(), 0, 3));
    fs::remove(segment_name(run_.path(), 4, 4));
    write_run_file(run_.path(), header(), launch(), final_distribution(true));
    write_checkpoint(run_.path(), 12);
    HistoryWriter history(run_.path() / "history.h5", header(), launch(), 1);
    history.add(history_row(true));
    history.commit();
    check(segment_name(run_.path(), 0, 4), 'S', Conditions::all);
    check(run_.path() / "history.h5", 'H', Conditions::all);
    check(run_.path() / "run.h5", 'R', Conditions::all);
    check(checkpoint_folder(run_.path(), 12) / "index.h5", 'C', Conditions::all);
    check(checkpoint_folder(run_.path(), 12) / "state-3.h5", 'W', Conditions::all);
    EXPECT_EQ(used_, document_.dimensions);
}

TEST_F(Format, document_says_when_something_is_left_out) {
    RunHeader plain = header();
    plain.class_names.clear();
    plain.slots = 0;
    plain.weight_names.clear();
    plain.column_names.clear();
    plain.column_value.clear();
    Launch unversioned = launch();
    unversioned.versions.clear();
    unversioned.environment.clear();
    write_segment(run_.path(), plain, unversioned, without_winners(without_optional(segment(0, 2))));
    write_segment(run_.path(), plain, without_ranks(unversioned), without_winners(without_optional(segment(1, 2))));
    check(segment_name(run_.path(), 1, 2), 'S', Conditions::none);
    fs::remove(segment_name(run_.path(), 1, 2));
    write_run_file(run_.path(), plain, unversioned, final_distribution(false));
    check(run_.path() / "run.h5", 'R', Conditions::none);
    HistoryWriter history(run_.path() / "history.h5", plain, unversioned, 1);
    history.add(history_row(false));
    history.commit();
    check(run_.path() / "history.h5", 'H', Conditions::none);
}

} // namespace
} // namespace autosampling::example
