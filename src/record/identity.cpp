#include "identity.hpp"

#include "autosampling/base/build_info.hpp"
#include "field_io.hpp"

namespace autosampling {
namespace {

// A new dataset or attribute raises the second number; readers refuse another first one.
const std::string format_version = "1.3";
const std::string version_prefix = "version_";

std::string major(const std::string& version) {
    return version.substr(0, version.find('.'));
}

} // namespace

void write_identity(Hdf5File& file, const std::string& filetype) {
    const BuildInfo build = build_info();
    file.set_attribute("filetype", filetype);
    file.set_attribute("format_version", format_version);
    file.set_attribute("program_version", build.version);
    file.set_attribute("git_hash", build.git_hash);
    file.set_attribute("git_dirty", std::int64_t{build.git_dirty});
    file.set_attribute("build_type", build.build_type);
    file.set_attribute("compiler", build.compiler);
}

void write_identity(Hdf5File& file, const std::string& filetype, const RunHeader& header, const Launch& launch) {
    write_identity(file, filetype);
    write_attributes(file, header_attributes(), header);
    write_attributes(file, launch_attributes(), launch);
    for (const auto& [name, version] : launch.versions) file.set_attribute(version_prefix + name, version);
    write_fields(file, header_fields(), header);
    write_fields(file, launch_fields(), launch);
    write_fields(file, processor_fields(), launch.processors);
}

RunHeader read_header_without_examples(const Hdf5File& file) {
    RunHeader header;
    read_attributes(file, header_attributes(), header);
    read_fields(file, header_fields(), header, numbers_of(header));
    return header;
}

RunHeader read_header(const Hdf5File& file) {
    RunHeader header = read_header_without_examples(file);
    read_fields(file, example_fields(), header, sizes_of(header));
    return header;
}

Launch read_launch(const Hdf5File& file) {
    Launch launch;
    read_attributes(file, launch_attributes(), launch);
    read_fields(file, launch_fields(), launch, {{"rank", launch.ranks}});
    for (const auto& field : processor_fields())
        if (file.has(field.name) != file.has(processor_fields().front().name))
            throw Damaged(text(file.path().string(), " is damaged (of the processors' columns it lacks some, as ",
                               processor_fields().front().name, " or ", field.name, ")"));
    read_fields(file, processor_fields(), launch.processors, {});
    for (const std::string& name : file.attribute_names())
        if (name.starts_with(version_prefix))
            launch.versions[name.substr(version_prefix.size())] = file.attribute<std::string>(name);
    return launch;
}

Hdf5File open_identified(const std::filesystem::path& path, const std::string& filetype) {
    Hdf5File file = Hdf5File::open(path);
    const auto found = file.attribute<std::string>("filetype");
    if (found != filetype)
        throw Damaged(text(path.string(), " is of type '", found, "', not '", filetype,
                           "': give the run directory that this program made"));
    const auto version = file.attribute<std::string>("format_version");
    VALIDATE(major(version) == major(format_version), ExitCode::checkpoint, path.string(), " has format version ",
             version, " (this program reads ", major(format_version), ".x): use the program that wrote it");
    return file;
}

} // namespace autosampling
