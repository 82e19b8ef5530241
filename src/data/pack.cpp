#include "autosampling/data/pack.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/base/hdf5_handle.hpp"
#include "image_tree.hpp"
#include "packed_file.hpp"
#include "picture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <utility>

namespace autosampling {

using namespace detail;

namespace {

namespace fs = std::filesystem;

// The packed file while it is written, under its temporary name; what isn't committed is removed.
class PackWriter {
  public:
    PackWriter(fs::path path, std::uint64_t bytes)
        : path_(std::move(path)), name_(temporary_name(path_)), bytes_(bytes) {
        const Hdf5Properties access = hdf5_file_access();
        file_ = Hdf5Handle<H5Fclose>(check(H5Fcreate(name_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get())));
        new_file_ = NewFile(path_);
        const Hdf5Properties layout(H5Pcreate(H5P_DATASET_CREATE));
        H5Pset_alloc_time(layout.get(), H5D_ALLOC_TIME_EARLY);
        H5Pset_fill_time(layout.get(), H5D_FILL_TIME_NEVER);
        const Hdf5Space space(check(H5Screate_simple(1, &bytes_, nullptr)));
        const Hdf5Dataset dataset(check(
            H5Dcreate2(file_.get(), "bytes", H5T_NATIVE_UINT8, space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT)));
        begin_ = H5Dget_offset(dataset.get());
        check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL));
        descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CLOEXEC);
        if (descriptor_ < 0) fail(std::strerror(errno));
    }
    ~PackWriter() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    PackWriter(const PackWriter&) = delete;
    PackWriter& operator=(const PackWriter&) = delete;

    // Any thread.
    void write_bytes(std::uint64_t at, std::span<const std::uint8_t> bytes) const {
        while (!bytes.empty()) {
            const auto done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(begin_ + at));
            if (done < 0) fail(std::strerror(errno));
            bytes = bytes.subspan(static_cast<std::size_t>(done));
            at += static_cast<std::uint64_t>(done);
        }
    }

    template<class T>
    void write(const char* name, hid_t type, const std::vector<T>& values) const {
        const hsize_t length = values.size();
        const Hdf5Space space(check(H5Screate_simple(1, &length, nullptr)));
        const Hdf5Dataset dataset(
            check(H5Dcreate2(file_.get(), name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
        check(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
    }
    void write(const char* name, const std::vector<std::string>& values) const {
        std::vector<const char*> pointers;
        for (const std::string& value : values) pointers.push_back(value.c_str());
        write(name, text_type().get(), pointers);
    }
    void write_attribute(const char* name, const std::string& value) const {
        const Hdf5Space space(H5Screate(H5S_SCALAR));
        const Hdf5Type type = text_type();
        const Hdf5Attribute attribute(
            check(H5Acreate2(file_.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT)));
        const char* pointer = value.c_str();
        check(H5Awrite(attribute.get(), type.get(), &pointer));
    }

    void commit() {
        check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL));
        check(H5Fclose(file_.release()));
        seal(name_, begin_, begin_ + bytes_);
        new_file_.publish();
    }

  private:
    static Hdf5Type text_type() {
        Hdf5Type type(H5Tcopy(H5T_C_S1));
        H5Tset_size(type.get(), H5T_VARIABLE);
        H5Tset_cset(type.get(), H5T_CSET_UTF8);
        return type;
    }
    [[noreturn]] void fail(const std::string& cause) const {
        throw Error(ExitCode::failure,
                    text(name_.string(), ": cannot be written (", cause, "): check the folder, the disk (",
                         bytes_ / 1'000'000, " MB are wanted) and its quota"));
    }
    template<class Id>
    Id check(Id result) const {
        if (result < 0) fail(hdf5_words());
        return result;
    }

    fs::path path_, name_;
    hsize_t bytes_;
    std::uint64_t begin_ = 0; // of the images, in the file
    NewFile new_file_;
    Hdf5Handle<H5Fclose> file_;
    int descriptor_ = -1;
};

std::vector<std::uint8_t> read_whole(const fs::path& path, std::uint64_t bytes) {
    std::vector<std::uint8_t> content(bytes);
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(bytes));
    if (!file) throw std::runtime_error("cannot be read");
    return content;
}

// Says the progress every few seconds. Any thread.
class PackProgress {
  public:
    PackProgress(std::size_t images, const std::function<void(const std::string&)>& say) : images_(images), say_(say) {}
    void add(std::uint64_t bytes) {
        const std::lock_guard lock(mutex_);
        ++done_;
        bytes_ += bytes;
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::seconds(5) && done_ < images_) return;
        last_ = now;
        const double seconds = std::chrono::duration<double>(now - start_).count();
        say_(text(done_, " of ", images_, " images, ", bytes_ / 1'000'000, " MB, ",
                  static_cast<std::uint64_t>(static_cast<double>(done_) / seconds), " images/s"));
    }

  private:
    std::size_t images_;
    const std::function<void(const std::string&)>& say_;
    std::mutex mutex_;
    std::size_t done_ = 0;
    std::uint64_t bytes_ = 0;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_ = start_;
};

// One image's way into the file. Empty, or what is wrong with it.
std::string pack_one(const fs::path& path, std::uint64_t bytes, PackedImage& image, const PackWriter& writer) {
    std::vector<std::uint8_t> content;
    try {
        content = read_whole(path, bytes);
        decode_picture(content, 1); // all of it is read, though few pixels are made
    } catch (const std::runtime_error& error) {
        return text(path.string(), ": ", error.what());
    }
    image.length = bytes;
    image.hash = hash_of(std::span<const std::uint8_t>(content));
    writer.write_bytes(image.begin, content);
    return {};
}

void refuse_unreadable(const std::vector<std::string>& problems) {
    constexpr std::size_t most = 20;
    std::string list;
    for (std::size_t i = 0; i < std::min(most, problems.size()); ++i) list += "\n  " + problems[i];
    if (problems.size() > most) list += text("\n  and ", problems.size() - most, " more");
    throw Error(ExitCode::data, text(problems.size(), " images can't be read:", list,
                                     "\nmend or remove them, or leave them out with --skip-unreadable"));
}

} // namespace

PackResult pack_images(const PackOptions& options, const std::function<void(const std::string&)>& say) {
    ImageTree tree = list_images(options.tree, {}, say);
    const std::size_t training = tree.files.size();
    if (!options.test_tree.empty()) {
        ImageTree test = list_images(options.test_tree, tree.classes, say);
        std::ranges::move(test.files, std::back_inserter(tree.files));
    }
    std::vector<PackedImage> images(tree.files.size());
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < images.size(); ++i) {
        images[i].begin = total;
        total += tree.files[i].bytes;
    }
    PackWriter writer(options.file, total);
    PackProgress progress(images.size(), say);
    std::vector<std::string> problem(images.size());
    std::atomic<std::size_t> next = 0;
    std::exception_ptr failure;
    std::mutex failing;
    const auto work = [&] {
        try {
            for (std::size_t i = next++; i < images.size(); i = next++) {
                const auto& root = i < training ? options.tree : options.test_tree;
                problem[i] = pack_one(root / tree.files[i].path, tree.files[i].bytes, images[i], writer);
                progress.add(tree.files[i].bytes);
            }
        } catch (...) { // the file can't be written
            const std::lock_guard lock(failing);
            failure = std::current_exception();
            next = images.size();
        }
    };
    {
        std::vector<std::jthread> others;
        const int threads =
            options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
        for (int t = 1; t < threads; ++t) others.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);

    std::vector<std::string> problems;
    std::ranges::copy_if(problem, std::back_inserter(problems), [](const auto& words) { return !words.empty(); });
    if (!problems.empty() && !options.skip_unreadable) refuse_unreadable(problems);
    for (const std::string& words : problems) say("left out " + words);

    std::vector<std::uint64_t> begin, length, hash;
    std::vector<std::int32_t> label;
    std::vector<std::string> names;
    std::int64_t kept_training = 0;
    for (std::size_t i = 0; i < images.size(); ++i) {
        if (!problem[i].empty()) continue;
        begin.push_back(images[i].begin);
        length.push_back(images[i].length);
        hash.push_back(images[i].hash);
        label.push_back(tree.files[i].label);
        names.push_back(tree.files[i].path.string());
        kept_training += i < training;
    }
    for (std::size_t c = 0; c < tree.classes.size(); ++c) {
        const auto found = std::find(label.begin(), label.begin() + kept_training, static_cast<std::int32_t>(c));
        VALIDATE(found != label.begin() + kept_training, ExitCode::data, (options.tree / tree.classes[c]).string(),
                 ": a class without a readable image: remove the folder, or put some there");
    }
    writer.write("begin", H5T_NATIVE_UINT64, begin);
    writer.write("length", H5T_NATIVE_UINT64, length);
    writer.write("hash", H5T_NATIVE_UINT64, hash);
    writer.write("label", H5T_NATIVE_INT32, label);
    writer.write("file_name", names);
    writer.write("class_name", tree.classes);
    writer.write("training_images", H5T_NATIVE_INT64, std::vector{kept_training});
    writer.write("skipped_images", H5T_NATIVE_INT64, std::vector<std::int64_t>{std::ssize(problems)});
    writer.write_attribute("filetype", "autosampling packed images");
    writer.write_attribute("format_version", "1");
    writer.write_attribute("program_version", build_info().version);
    writer.commit();
    return {label.size(), problems.size(), total, tree.classes.size()};
}

} // namespace autosampling
