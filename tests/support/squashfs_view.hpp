/**
 * @file
 * What is in a squashfs file, read back by libsquashfs.
 */
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir_reader.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace tests {

class SquashfsView {
public:
    struct Entry {
        unsigned mode = 0; ///< with the type
        std::uint32_t uid = 0;
        std::uint32_t gid = 0;
        std::uint32_t mtime = 0;
        std::uint32_t number = 0;
        std::uint32_t links = 0;
        std::string content; ///< of a file; the text of a symbolic link
        std::map<std::string, std::string> xattrs;
    };

    explicit SquashfsView(const std::string & path) {
        file_.reset(sqfs_open_file(path.c_str(), SQFS_FILE_OPEN_READ_ONLY));
        if (!file_) throw std::runtime_error{"cannot open " + path};
        check(sqfs_super_read(&super, file_.get()));
        sqfs_compressor_config_t config{};
        check(sqfs_compressor_config_init(&config, static_cast<SQFS_COMPRESSOR>(super.compression_id), super.block_size,
                                          SQFS_COMP_FLAG_UNCOMPRESS));
        sqfs_compressor_t * compressor = nullptr;
        check(sqfs_compressor_create(&config, &compressor));
        compressor_.reset(compressor);
        if ((super.flags & SQFS_FLAG_COMPRESSOR_OPTIONS) != 0) check(compressor->read_options(compressor, file_.get()));
        ids_.reset(sqfs_id_table_create(0));
        check(sqfs_id_table_read(ids_.get(), file_.get(), &super, compressor));
        directories_.reset(sqfs_dir_reader_create(&super, compressor, file_.get(), 0));
        data_.reset(sqfs_data_reader_create(file_.get(), super.block_size, compressor, 0));
        check(sqfs_data_reader_load_fragment_table(data_.get(), &super));
        xattrs_.reset(sqfs_xattr_reader_create(0));
        check(sqfs_xattr_reader_load(xattrs_.get(), &super, file_.get(), compressor));
        sqfs_tree_node_t * root = nullptr;
        check(sqfs_dir_reader_get_full_hierarchy(directories_.get(), ids_.get(), nullptr, 0, &root));
        walk(*root, "");
        sqfs_dir_tree_destroy(root);
    }

    sqfs_super_t super{};
    std::map<std::string, Entry> entries; ///< by path; the root is ""

private:
    struct Destroy {
        template <class T> void operator()(T * object) const { sqfs_destroy(object); }
    };
    template <class T> using Ptr = std::unique_ptr<T, Destroy>;

    static void check(int status) {
        if (status != 0) throw std::runtime_error{"libsquashfs cannot read the file: " + std::to_string(status)};
    }

    void walk(const sqfs_tree_node_t & node, const std::string & path) {
        const sqfs_inode_generic_t & inode = *node.inode;
        Entry entry{inode.base.mode,         node.uid,     node.gid,       inode.base.mod_time,
                    inode.base.inode_number, links(inode), content(inode), xattrs(inode)};
        entries.emplace(path, std::move(entry));
        for (const sqfs_tree_node_t * child = node.children; child != nullptr; child = child->next) {
            const std::string name{reinterpret_cast<const char *>(child->name)};
            walk(*child, path.empty() ? name : path + "/" + name);
        }
    }

    static std::uint32_t links(const sqfs_inode_generic_t & inode) {
        switch (inode.base.type) {
        case SQFS_INODE_FILE:
            return 1;
        case SQFS_INODE_EXT_FILE:
            return inode.data.file_ext.nlink;
        case SQFS_INODE_EXT_DIR:
            return inode.data.dir_ext.nlink;
        case SQFS_INODE_DIR:
            return inode.data.dir.nlink;
        case SQFS_INODE_SLINK:
        case SQFS_INODE_EXT_SLINK:
            return inode.data.slink.nlink;
        default:
            return inode.data.ipc.nlink;
        }
    }

    std::string content(const sqfs_inode_generic_t & inode) {
        if (inode.base.type == SQFS_INODE_SLINK || inode.base.type == SQFS_INODE_EXT_SLINK)
            return {reinterpret_cast<const char *>(inode.extra), inode.data.slink.target_size};
        if (inode.base.type != SQFS_INODE_FILE && inode.base.type != SQFS_INODE_EXT_FILE) return {};
        sqfs_u64 size = 0;
        check(sqfs_inode_get_file_size(&inode, &size));
        std::string text(size, '\0');
        for (std::size_t done = 0; done < size;) {
            const sqfs_s32 count = sqfs_data_reader_read(data_.get(), &inode, done, text.data() + done,
                                                         static_cast<sqfs_u32>(size - done));
            if (count <= 0) throw std::runtime_error{"libsquashfs cannot read a body: " + std::to_string(count)};
            done += static_cast<std::size_t>(count);
        }
        return text;
    }

    std::map<std::string, std::string> xattrs(const sqfs_inode_generic_t & inode) {
        std::map<std::string, std::string> result;
        sqfs_u32 index = 0;
        check(sqfs_inode_get_xattr_index(&inode, &index));
        if (index == 0xffffffff) return result;
        sqfs_xattr_id_t description{};
        check(sqfs_xattr_reader_get_desc(xattrs_.get(), index, &description));
        check(sqfs_xattr_reader_seek_kv(xattrs_.get(), &description));
        for (sqfs_u32 i = 0; i < description.count; ++i) {
            sqfs_xattr_entry_t * key = nullptr;
            sqfs_xattr_value_t * value = nullptr;
            check(sqfs_xattr_reader_read_key(xattrs_.get(), &key));
            check(sqfs_xattr_reader_read_value(xattrs_.get(), key, &value));
            result[reinterpret_cast<const char *>(key->key)] =
                std::string{reinterpret_cast<const char *>(value->value), value->size};
            sqfs_free(key);
            sqfs_free(value);
        }
        return result;
    }

    Ptr<sqfs_file_t> file_;
    Ptr<sqfs_compressor_t> compressor_;
    Ptr<sqfs_id_table_t> ids_;
    Ptr<sqfs_dir_reader_t> directories_;
    Ptr<sqfs_data_reader_t> data_;
    Ptr<sqfs_xattr_reader_t> xattrs_;
};

} // namespace tests
